import { describe, expect, it } from 'vitest'
import { BlockWriter } from './block-writer.ts'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'
import { huffmanEncode, huffmanLength } from './huffman-encode.ts'
import { decode, encode, fromHex, type Pair } from './testing/recording-sink.ts'

/** The vectors of RFC 7541 appendix C: block by block, the fields and what is in the dynamic table then, newest first. */
interface Step {
  readonly hex: string
  readonly fields: readonly string[]
  readonly table: readonly string[]
}

const pairs = (lines: readonly string[], neverIndexed = false): Pair[] =>
  lines.map((line) => {
    const colon = line.indexOf(':', 1)
    return [line.slice(0, colon), line.slice(colon + 2), neverIndexed]
  })

/** Asks for each entry by its index, and for the one behind the last. */
function expectTable(decoder: HpackDecoder, lines: readonly string[]): void {
  lines.forEach((_, at) => expect(decode(decoder, Buffer.of(0x80 + 62 + at))).toEqual(pairs([lines[at]])))
  expect(decode(decoder, Buffer.of(0x80 + 62 + lines.length))).toMatch(/no entry/)
}

const AUTHORITY = ':authority: www.example.com'
const NO_CACHE = 'cache-control: no-cache'
const CUSTOM = 'custom-key: custom-value'
const GET = [':method: GET', ':scheme: http', ':path: /']
const REQUESTS: readonly Omit<Step, 'hex'>[] = [
  { fields: [...GET, AUTHORITY], table: [AUTHORITY] },
  { fields: [...GET, AUTHORITY, NO_CACHE], table: [NO_CACHE, AUTHORITY] },
  {
    fields: [':method: GET', ':scheme: https', ':path: /index.html', AUTHORITY, CUSTOM],
    table: [CUSTOM, NO_CACHE, AUTHORITY],
  },
]

const [S302, S307, PRIVATE] = [':status: 302', ':status: 307', 'cache-control: private']
const [DATE_21, DATE_22] = ['date: Mon, 21 Oct 2013 20:13:21 GMT', 'date: Mon, 21 Oct 2013 20:13:22 GMT']
const LOCATION = 'location: https://www.example.com'
const COOKIE = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'
const GZIP = 'content-encoding: gzip'
const RESPONSES: readonly Omit<Step, 'hex'>[] = [
  { fields: [S302, PRIVATE, DATE_21, LOCATION], table: [LOCATION, DATE_21, PRIVATE, S302] },
  { fields: [S307, PRIVATE, DATE_21, LOCATION], table: [S307, LOCATION, DATE_21, PRIVATE] },
  { fields: [':status: 200', PRIVATE, DATE_22, LOCATION, GZIP, COOKIE], table: [COOKIE, GZIP, DATE_22] },
]

const steps = (meanings: readonly Omit<Step, 'hex'>[], hex: readonly string[]): Step[] =>
  meanings.map((meaning, at) => ({ ...meaning, hex: hex[at] }))

const SEQUENCES: readonly [name: string, tableSize: number, sequence: readonly Step[]][] = [
  [
    'C.3, requests without Huffman code',
    4096,
    steps(REQUESTS, [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ]),
  ],
  [
    'C.4, requests with Huffman code',
    4096,
    steps(REQUESTS, [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ]),
  ],
  [
    'C.5, responses without Huffman code',
    256,
    steps(RESPONSES, [
      '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '4803 3330 37c1 c0bf',
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
    ]),
  ],
  [
    'C.6, responses with Huffman code',
    256,
    steps(RESPONSES, [
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ]),
  ],
]

describe('RFC 7541 appendix C', () => {
  it.each([
    ['C.1.1', 10, 5, '0a'],
    ['C.1.2', 1337, 5, '1f9a0a'],
    ['C.1.3', 42, 8, '2a'],
  ])('%s: an integer is written', (_, value, bits, hex) => {
    const writer = new BlockWriter()
    writer.integer(0, bits, value)
    expect(writer.bytes.toString('hex', 0, writer.length)).toBe(hex)
  })

  it('C.2: representations of fields are read', () => {
    const decoder = new HpackDecoder()
    const custom = '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'
    expect(decode(decoder, custom)).toEqual(pairs(['custom-key: custom-header']))
    expectTable(decoder, ['custom-key: custom-header'])
    const other = new HpackDecoder()
    expect(decode(other, '040c 2f73 616d 706c 652f 7061 7468')).toEqual(pairs([':path: /sample/path']))
    expect(decode(other, '1008 7061 7373 776f 7264 0673 6563 7265 74')).toEqual(pairs(['password: secret'], true))
    expect(decode(other, '82')).toEqual(pairs([':method: GET']))
    expectTable(other, [])
  })

  it('C.2.4, C.3: fields of the static table are written', () => {
    const bytes = encode(new HpackEncoder(), (encoder) => {
      for (const [name, value] of pairs([...GET, ':scheme: https', ':path: /index.html'])) encoder.field(name, value)
    })
    expect(bytes.toString('hex')).toBe('8286848785')
  })

  it.each(SEQUENCES)('%s, are read', (_, tableSize, sequence) => {
    const decoder = new HpackDecoder(tableSize)
    for (const { hex, fields, table } of sequence) {
      expect(decode(decoder, hex)).toEqual(pairs(fields))
      expectTable(decoder, table)
    }
  })

  it.each([
    ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
    ['no-cache', 'a8eb10649cbf'],
    ['custom-key', '25a849e95ba97d7f'],
    ['custom-value', '25a849e95bb8e8b4bf'],
    ['302', '6402'],
    ['307', '640eff'],
    ['private', 'aec3771a4b'],
    ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
    ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
    ['gzip', '9bd9ab'],
    [
      'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
      '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
  ])('C.4, C.6: %j is written in Huffman code', (text, hex) => {
    const bytes = Buffer.from(text)
    const into = Buffer.alloc(100)
    const length = huffmanEncode(bytes, 0, bytes.length, into, 0)
    expect(into.toString('hex', 0, length)).toBe(hex)
    expect(huffmanLength(bytes, 0, bytes.length)).toBe(fromHex(hex).length)
  })
})
