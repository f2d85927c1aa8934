import { describe, expect, it } from 'vitest'
import type { ProxiedAddresses } from '../sockets/connection-info.ts'
import { mutate } from '../testing/mutate.ts'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../testing/seeded-random.ts'
import { crc32c } from './crc32c.ts'
import { ipText } from './ip-bytes.ts'
import { parseProxyHeader } from './proxy-header.ts'
import { MAX_TLVS, MAX_VERSION_2_BYTES, VERSION_2_START } from './version-2.ts'
import { writeProxyHeader } from './write-proxy-header.ts'

const V4: ProxiedAddresses = {
  sourceAddress: '192.0.2.7',
  sourcePort: 50_000,
  destinationAddress: '198.51.100.1',
  destinationPort: 443,
}
const V6: ProxiedAddresses = { ...V4, sourceAddress: '2001:db8::7', destinationAddress: '2001:db8::1' }
const parse = (text: string): unknown => parseProxyHeader(Buffer.from(text, 'latin1'))

describe('version 1', () => {
  it.each<[string, object]>([
    ['PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n', V4],
    ['PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n', V6],
    ['PROXY TCP6 2001:DB8:0:0:0:0:0:7 2001:db8::1 50000 443\r\n', V6],
    ['PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 50000 443\r\n', V4],
    ['PROXY TCP4 192.0.2.7 198.51.100.1 0 65535\r\n', { ...V4, sourcePort: 0, destinationPort: 65_535 }],
  ])('%j', (text, addresses) => {
    expect(parse(text + 'GET')).toEqual({ version: 1, addresses, length: text.length })
    for (let length = 0; length < text.length; length++) expect(parse(text.slice(0, length))).toBe('INCOMPLETE')
  })

  it.each(['PROXY UNKNOWN\r\n', 'PROXY UNKNOWN ffff:f::1 what ever\r\n'])('%j leaves the addresses', (text) => {
    expect(parse(text)).toEqual({ version: 1, addresses: undefined, length: text.length })
  })

  it.each([
    'PROXY \r\n',
    'PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n',
    'PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n',
    'PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n',
    'PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n',
    'PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n',
    'PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n',
    'PROXY UNKNOWNS\r\n',
    'PROXY UNKNOWN \0\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 1 2\rX',
  ])('%j is malformed', (text) => {
    expect(parse(text)).toBe('MALFORMED')
  })

  it('has 107 bytes at most', () => {
    const longest = `PROXY UNKNOWN ${'f'.repeat(91)}\r\n`
    expect(longest).toHaveLength(107)
    expect(parse(longest)).toMatchObject({ length: 107 })
    expect(parse(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`)).toBe('TOO_LARGE')
    expect(parse('PROXY ' + 'x'.repeat(200))).toBe('TOO_LARGE')
  })
})

/** A header of version 2 from its parts. */
const binary = (command: number, family: number, block: Buffer): Buffer => {
  const fixed = Buffer.from([command, family, 0, 0])
  fixed.writeUInt16BE(block.length, 2)
  return Buffer.concat([VERSION_2_START, fixed, block])
}
const V4_BLOCK = Buffer.from('c0000207c6336401c35001bb', 'hex')
const V6_BLOCK = Buffer.from('20010db800000000000000000000000720010db8000000000000000000000001c35001bb', 'hex')
const tlv = (type: number, value: Buffer): Buffer => {
  const head = Buffer.from([type, 0, 0])
  head.writeUInt16BE(value.length, 1)
  return Buffer.concat([head, value])
}
const v4With = (...tlvs: Buffer[]): Buffer => binary(0x21, 0x11, Buffer.concat([V4_BLOCK, ...tlvs]))

describe('version 2', () => {
  it.each<[string, Buffer, ProxiedAddresses | undefined]>([
    ['TCP over IPv4', v4With(), V4],
    ['TCP over IPv6', binary(0x21, 0x21, V6_BLOCK), V6],
    ['a Unix socket', binary(0x21, 0x31, Buffer.alloc(216)), undefined],
    ['datagrams', binary(0x21, 0x12, V4_BLOCK), undefined],
    ['unspecified', binary(0x21, 0, Buffer.from('anything')), undefined],
    ['local', binary(0x20, 0, Buffer.alloc(0)), undefined],
    ['local, with a block of any form', binary(0x20, 0xff, Buffer.from('anything')), undefined],
  ])('%s', (_, bytes, addresses) => {
    expect(parseProxyHeader(Buffer.concat([bytes, Buffer.from('GET')]))).toEqual({
      version: 2,
      addresses,
      length: bytes.length,
    })
    for (let length = 0; length < bytes.length; length++) {
      expect(parseProxyHeader(bytes.subarray(0, length))).toBe('INCOMPLETE')
    }
  })

  it.each<[string, Buffer]>([
    ['of another version', binary(0x11, 0x11, V4_BLOCK)],
    ['with another command', binary(0x22, 0x11, V4_BLOCK)],
    ['of another family', binary(0x21, 0x41, V4_BLOCK)],
    ['of another transport', binary(0x21, 0x13, V4_BLOCK)],
    ['with too few bytes for IPv4', binary(0x21, 0x11, V4_BLOCK.subarray(1))],
    ['with too few bytes for IPv6', binary(0x21, 0x21, V4_BLOCK)],
    ['with too few bytes for Unix', binary(0x21, 0x31, Buffer.alloc(215))],
    ['with half a field', v4With(Buffer.from([4, 0]))],
    ['with a field that is longer than the header', v4With(Buffer.from([4, 0, 1]))],
    ['with too many fields', v4With(...Array.from({ length: MAX_TLVS + 1 }, () => tlv(4, Buffer.alloc(0))))],
    ['with a checksum of two bytes', v4With(tlv(3, Buffer.alloc(2)))],
    ['with a wrong checksum', v4With(tlv(3, Buffer.alloc(4)))],
  ])('%s is malformed', (_, bytes) => {
    expect(parseProxyHeader(bytes)).toBe('MALFORMED')
  })

  it('hands on the fields, but for padding and checksum', () => {
    const tlvs = [
      { type: 5, value: Buffer.from('id-7') },
      { type: 0xea, value: Buffer.from([1, 2]) },
    ]
    const bytes = v4With(
      tlv(5, tlvs[0].value),
      tlv(4, Buffer.alloc(9)),
      tlv(0xea, tlvs[1].value),
      tlv(3, Buffer.alloc(4)),
    )
    const at = bytes.length - 4
    bytes.writeUInt32BE(crc32c(bytes), at)
    expect(parseProxyHeader(bytes)).toEqual({ version: 2, addresses: { ...V4, tlvs }, length: bytes.length })
    for (const spoilt of [12 + 4, 20, at]) {
      const other = Buffer.from(bytes)
      other[spoilt] ^= 1
      expect(parseProxyHeader(other)).toBe('MALFORMED')
    }
  })

  it('knows CRC32c', () => {
    // RFC 3720 appendix B.4.
    expect(crc32c(Buffer.alloc(32)).toString(16)).toBe('8a9136aa')
    expect(crc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283')
  })

  it('is not waited for when it is too large', () => {
    const bytes = binary(0x21, 0x11, Buffer.alloc(MAX_VERSION_2_BYTES - 15))
    expect(parseProxyHeader(bytes.subarray(0, 16))).toBe('TOO_LARGE')
  })
})

describe('anything else', () => {
  it.each(['GET / HTTP/1.1\r\n', '\r\nGET', '\x16\x03\x01', 'PROX ', 'proxy TCP4', '\r\n\r\n\0\r\nQUIT\r'])(
    '%j begins no header',
    (text) => {
      expect(parse(text)).toBe('ABSENT')
    },
  )
})

describe('what we write', () => {
  const random = new SeededRandom(fuzzSeed(20_261_122))
  const address = (size: number): string =>
    ipText(Buffer.from(Array.from({ length: size }, () => (random.chance(0.3) ? 0 : random.below(256)))))
  const port = (): number => random.below(65_536)

  it('is read as it was meant', () => {
    for (let run = 0; run < fuzzRuns(2_000); run++) {
      const sizes = [random.pick([4, 16]), random.pick([4, 16])]
      const plain = {
        sourceAddress: address(sizes[0]),
        sourcePort: port(),
        destinationAddress: address(sizes[1]),
        destinationPort: port(),
      }
      const tlvs = Array.from({ length: random.below(4) }, () => ({
        type: 0xe0 + random.below(16),
        value: Buffer.from('value'),
      }))
      const first = writeProxyHeader(1, { ...plain, tlvs })
      expect(parseProxyHeader(first)).toEqual({ version: 1, addresses: plain, length: first.length })
      const second = writeProxyHeader(2, tlvs.length === 0 ? plain : { ...plain, tlvs })
      const addresses = tlvs.length === 0 ? plain : { ...plain, tlvs }
      expect(parseProxyHeader(second)).toEqual({ version: 2, addresses, length: second.length })
    }
  })

  it('says so when there are no addresses', () => {
    const onUnixSocket = { sourceAddress: '', sourcePort: 0, destinationAddress: '/run/a.sock', destinationPort: 0 }
    for (const addresses of [undefined, onUnixSocket]) {
      expect(writeProxyHeader(1, addresses).toString()).toBe('PROXY UNKNOWN\r\n')
      expect(parseProxyHeader(writeProxyHeader(2, addresses))).toEqual({ version: 2, addresses: undefined, length: 16 })
    }
  })
})

describe('mutated headers', () => {
  it('are read whole or not at all, and mean the same when they are written anew', () => {
    const random = new SeededRandom(fuzzSeed(20_261_123))
    const valid = [
      writeProxyHeader(1, V4),
      writeProxyHeader(1, V6),
      v4With(tlv(5, Buffer.from('id'))),
      binary(0x21, 0x21, V6_BLOCK),
    ]
    const texts = valid.map((bytes) => bytes.toString('latin1'))
    const runs = fuzzRuns(20_000)
    let accepted = 0
    for (let run = 0; run < runs; run++) {
      const text = mutate(random, random.pick(texts), texts)
      const bytes = Buffer.from(text, 'latin1')
      const header = parseProxyHeader(bytes)
      if (typeof header === 'string') {
        expect(['INCOMPLETE', 'ABSENT', 'MALFORMED', 'TOO_LARGE']).toContain(header)
        continue
      }
      expect(header.length).toBeLessThanOrEqual(bytes.length)
      // What follows changes nothing.
      expect({ text, header: parseProxyHeader(bytes.subarray(0, header.length)) }).toEqual({ text, header })
      if (header.addresses === undefined) continue
      accepted++
      const anew = writeProxyHeader(header.version, header.addresses)
      expect({ text, ...(parseProxyHeader(anew) as object) }).toEqual({ text, ...header, length: anew.length })
    }
    expect(accepted).toBeGreaterThan(runs / 20)
  })
})
