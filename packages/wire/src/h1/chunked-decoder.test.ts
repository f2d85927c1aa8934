import { describe, expect, it } from 'vitest'
import { ChunkedDecoder } from './chunked-decoder.ts'
import type { RefusalCode } from '../streams/refusal.ts'

interface Decoded {
  readonly body: string
  readonly trailers: string
  readonly done: boolean
  /** Bytes behind the body, or why it was refused. */
  readonly rest: string | { readonly refused: RefusalCode }
}

/** Decodes `text` in pieces that end at `ends`. */
function decode(text: string, ends: readonly number[] = [], maxTrailerBytes = 1_000): Decoded {
  const decoder = new ChunkedDecoder(maxTrailerBytes)
  let body = ''
  const sink = { onChunk: (chunk: Uint8Array): void => void (body += Buffer.from(chunk).toString('latin1')) }
  let start = 0
  for (const end of [...ends, text.length]) {
    if (end <= start) continue
    // In the middle of a larger buffer, as a socket's reads are.
    const bytes = Buffer.from(`##${text.slice(start, end)}##`, 'latin1')
    const result = decoder.decode(bytes, 2, bytes.length - 2, sink)
    if (typeof result === 'string') return { body, trailers: '', done: false, rest: { refused: result } }
    if (decoder.done) return { body, trailers: decoder.trailers, done: true, rest: text.slice(start + result - 2) }
    expect(result).toBe(bytes.length - 2)
    start = end
  }
  return { body, trailers: '', done: false, rest: '' }
}

const BODIES = [
  '0\r\n\r\n',
  '5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1',
  '000000000000a\r\n0123456789\r\n00\r\n\r\n',
  '3\r\nabc\r\n2;name=value\r\nde\r\n1;a;b=";\\"\xe9";c=d\r\nf\r\n0;last\r\n\r\nrest',
  '4\r\n\r\n\r\n\r\n0\r\nA: 1\r\nB:2\r\n\r\n\r\n',
  'A\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\nX-Sum: abc\r\n\r\nnext',
]

describe('every way to split a body gives the same result', () => {
  it.each(BODIES)('%j', (text) => {
    const whole = decode(text)
    expect(whole.done).toBe(true)
    for (let first = 1; first < text.length; first++) {
      expect(decode(text, [first])).toEqual(whole)
      for (let second = first + 1; second < text.length; second++) expect(decode(text, [first, second])).toEqual(whole)
    }
    expect(
      decode(
        text,
        [...text].map((_, at) => at),
      ),
    ).toEqual(whole)
  })

  it('gives the parts they have', () => {
    expect(BODIES.map((text) => decode(text))).toEqual([
      { body: '', trailers: '', done: true, rest: '' },
      { body: 'hello', trailers: '', done: true, rest: 'GET / HTTP/1.1' },
      { body: '0123456789', trailers: '', done: true, rest: '' },
      { body: 'abcdef', trailers: '', done: true, rest: 'rest' },
      { body: '\r\n\r\n', trailers: 'A: 1\r\nB:2\r\n', done: true, rest: '\r\n' },
      { body: '0\r\n\r\n0\r\n\r\n', trailers: 'X-Sum: abc\r\n', done: true, rest: 'next' },
    ])
  })
})

describe('refused, wherever it is split', () => {
  const rows: [text: string, code: RefusalCode][] = [
    ['\r\n', 'CHUNK_SIZE'],
    ['x\r\n', 'CHUNK_SIZE'],
    ['-1\r\n', 'CHUNK_SIZE'],
    ['+1\r\n', 'CHUNK_SIZE'],
    ['0x1\r\n', 'CHUNK_SIZE'],
    [' 1\r\n', 'CHUNK_SIZE'],
    ['1 \r\n', 'CHUNK_SIZE'],
    ['1\t;a\r\n', 'CHUNK_SIZE'],
    ['1_0\r\n', 'CHUNK_SIZE'],
    ['1,\r\n', 'CHUNK_SIZE'],
    [';\r\n', 'CHUNK_SIZE'],
    ['\0\r\n', 'CHUNK_SIZE'],
    ['00000000000001\r\n', 'CHUNK_SIZE'],
    ['fffffffffffffffff\r\n', 'CHUNK_SIZE'],
    ['10000000000000001\r\n', 'CHUNK_SIZE'],
    ['1\na\n0\n\n', 'BARE_LINE_END'],
    ['1\ra\r\n', 'BARE_LINE_END'],
    ['1;a\n', 'BARE_LINE_END'],
    ['1;a\rb\r\n', 'BARE_LINE_END'],
    ['1;\r\n', 'CHUNK_EXTENSION'],
    ['1;;a\r\n', 'CHUNK_EXTENSION'],
    ['1;=a\r\n', 'CHUNK_EXTENSION'],
    ['1;a=\r\n', 'CHUNK_EXTENSION'],
    ['1;a=b=c\r\n', 'CHUNK_EXTENSION'],
    ['1;a="b\r\n', 'CHUNK_EXTENSION'],
    ['1;a="b\\"\r\n', 'CHUNK_EXTENSION'],
    ['1;a="b"c\r\n', 'CHUNK_EXTENSION'],
    ['1; a\r\n', 'CHUNK_EXTENSION'],
    ['1;a b\r\n', 'CHUNK_EXTENSION'],
    ['1;\xe9\r\n', 'CHUNK_EXTENSION'],
    ['1;\0\r\n', 'CHUNK_EXTENSION'],
    ['1;\x7f\r\n', 'CHUNK_EXTENSION'],
    [`1;${'x'.repeat(1_025)}\r\n`, 'CHUNK_EXTENSION'],
    ['1\r\nab', 'CHUNK_END'],
    ['1\r\na\n', 'CHUNK_END'],
    ['1\r\na\rb', 'CHUNK_END'],
    ['2\r\na\r\n', 'CHUNK_END'],
    ['0\r\nA\r\n\r\n', 'TRAILER'],
    ['0\r\nA: 1\n\r\n', 'TRAILER'],
    ['0\r\nA: 1\r\n\n', 'TRAILER'],
    ['0\r\nA: 1\rB', 'TRAILER'],
    ['0\r\n\nx', 'TRAILER'],
    ['0\r\nA : 1\r\n\r\n', 'TRAILER'],
    ['0\r\nA: 1\r\n b\r\n\r\n', 'TRAILER'],
    ['0\r\nA: \0\r\n\r\n', 'TRAILER'],
    ['0\r\nContent-Length: 1\r\n\r\n', 'TRAILER'],
    ['0\r\ntransfer-encoding: chunked\r\n\r\n', 'TRAILER'],
    ['0\r\nHOST: a\r\n\r\n', 'TRAILER'],
    ['0\r\nA: 1\r\nAuthorization: x\r\n\r\n', 'TRAILER'],
    [`0\r\n${'A:1\r\n'.repeat(65)}\r\n`, 'TRAILER'],
  ]
  it.each(rows)('%j is %s', (text, code) => {
    const wholeBody = decode(text)
    expect(wholeBody.rest).toEqual({ refused: code })
    const single = decode(
      text,
      [...text].map((_, at) => at),
    )
    expect(single.rest).toEqual({ refused: code })
    expect(single.body).toBe(wholeBody.body)
  })
})

describe('limits', () => {
  it('the largest size is an exact number', () => {
    const decoder = new ChunkedDecoder(100)
    let seen = 0
    const bytes = Buffer.from('fffffffffffff\r\nabc')
    expect(decoder.decode(bytes, 0, bytes.length, { onChunk: (chunk) => void (seen += chunk.length) })).toBe(
      bytes.length,
    )
    expect([seen, decoder.done]).toEqual([3, false])
  })

  it('extensions may have 1,024 bytes each', () => {
    const extension = 'x'.repeat(1_024)
    expect(decode(`1;${extension}\r\na\r\n1;${extension}\r\nb\r\n0\r\n\r\n`)).toMatchObject({ body: 'ab', done: true })
  })

  it('64 trailer fields are allowed', () => {
    expect(decode(`0\r\n${'A:1\r\n'.repeat(64)}\r\n`).done).toBe(true)
  })

  it('the trailer section has the same limit in whatever pieces it comes', () => {
    const section = (bytes: number): string => `0\r\nA: ${'x'.repeat(bytes - 5)}\r\n\r\n`
    for (const bytes of [98, 99, 100, 101, 102, 150, 250]) {
      const text = section(bytes)
      const results = [1, 2, 3, 50, 99, 100, 101, 102, 103, 104, 105, 1_000].map((size) => {
        const ends = Array.from({ length: Math.ceil(text.length / size) }, (_, at) => (at + 1) * size)
        return decode(
          text,
          ends.filter((end) => end < text.length),
          100,
        ).done
      })
      expect(new Set(results)).toEqual(new Set([bytes <= 100]))
    }
  })

  it('nothing is decoded behind the end', () => {
    const decoder = new ChunkedDecoder(100)
    const bytes = Buffer.from('0\r\n\r\n1\r\na\r\n')
    expect(decoder.decode(bytes, 0, bytes.length, { onChunk: () => expect.unreachable() })).toBe(5)
  })
})
