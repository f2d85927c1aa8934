import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { frameMessage, MessageReader, type MessageReaderOptions } from './message-reader.ts'
import { GrpcStatus } from './status.ts'

function read(chunks: readonly Uint8Array[], options?: MessageReaderOptions) {
  const reader = new MessageReader(options)
  const messages: Buffer[] = []
  for (const chunk of chunks) {
    const copy = Buffer.from(chunk)
    reader.push(copy)
    for (let message = reader.next(); message !== undefined; message = reader.next())
      messages.push(Buffer.from(message))
    // Whoever keeps a view of a chunk must not get away with it.
    copy.fill(0xee)
  }
  return { messages, failure: reader.end() }
}

const compressed = (bytes: Uint8Array): Buffer => {
  const framed = frameMessage(bytes)
  framed[0] = 1
  return framed
}

describe('whole messages', () => {
  test('several in a chunk, empty ones among them', () => {
    const parts = ['one', '', 'three'].map((text) => Buffer.from(text))
    const { messages, failure } = read([Buffer.concat(parts.map(frameMessage))])
    expect(messages.map(String)).toEqual(['one', '', 'three'])
    expect(failure).toBeUndefined()
  })

  test('a message larger than the first buffer, in pieces', () => {
    const large = Buffer.alloc(100_000, 'abc')
    const framed = frameMessage(large)
    const pieces = Array.from({ length: Math.ceil(framed.length / 999) }, (_, at) =>
      framed.subarray(at * 999, at * 999 + 999),
    )
    expect(read(pieces).messages).toEqual([large])
  })

  test('however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 100 }),
        (messages, cuts) => {
          const stream = Buffer.concat(messages.map(frameMessage))
          const chunks: Buffer[] = []
          let at = 0
          for (const cut of cuts) chunks.push(stream.subarray(at, (at += cut)))
          chunks.push(stream.subarray(at))
          const result = read(chunks)
          expect(result.messages).toEqual(messages.map((message) => Buffer.from(message)))
          expect(result.failure).toBeUndefined()
        },
      ),
      { seed: 20263, numRuns: 300 },
    )
  })

  test('any bytes: no throw, nothing above the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), fc.boolean(), (chunks, gzip) => {
        const { messages } = read(chunks, { maxMessageBytes: 50, encoding: gzip ? 'gzip' : 'identity' })
        for (const message of messages) expect(message.length).toBeLessThanOrEqual(50)
      }),
      { seed: 20263, numRuns: 1_000 },
    )
  })
})

describe('compressed messages', () => {
  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const)('%s', (encoding, compress) => {
    const { messages } = read([compressed(compress('hello')), frameMessage(Buffer.from('plain'))], { encoding })
    expect(messages.map(String)).toEqual(['hello', 'plain'])
  })

  test('a bomb is refused', () => {
    const { messages, failure } = read([compressed(gzipSync(Buffer.alloc(1_000_000)))], {
      encoding: 'gzip',
      maxMessageBytes: 10_000,
    })
    expect(messages).toEqual([])
    expect(failure).toEqual({
      status: GrpcStatus.RESOURCE_EXHAUSTED,
      message: 'a message has more bytes when it is decompressed, the limit is 10000',
    })
  })

  test.each([
    [undefined, GrpcStatus.INTERNAL],
    ['snappy', GrpcStatus.UNIMPLEMENTED],
    ['gzip', GrpcStatus.INTERNAL],
  ])('what cannot be decompressed is refused: %s', (encoding, status) => {
    expect(read([compressed(Buffer.from('not gzip'))], { encoding }).failure?.status).toBe(status)
  })
})

describe('what is refused', () => {
  test('a message above the limit, by its prefix alone', () => {
    const { failure } = read([Buffer.from([0, 0, 0, 4, 1])], { maxMessageBytes: 1024 })
    expect(failure).toEqual({
      status: GrpcStatus.RESOURCE_EXHAUSTED,
      message: 'a message has 1025 bytes, the limit is 1024',
    })
  })

  test('unknown flags', () => {
    expect(read([Buffer.from([2, 0, 0, 0, 0])]).failure?.status).toBe(GrpcStatus.INTERNAL)
  })

  test.each([[[0]], [[0, 0, 0, 0]], [[0, 0, 0, 0, 2, 65]]])('an end within a message: %j', (bytes) => {
    expect(read([Buffer.from(bytes)]).failure?.message).toBe('the stream ended within a message')
  })

  test('nothing comes after a failure', () => {
    const reader = new MessageReader()
    reader.push(Buffer.from([9, 0, 0, 0, 0]))
    expect(reader.next()).toBeUndefined()
    reader.push(frameMessage(Buffer.from('x')))
    expect(reader.next()).toBeUndefined()
  })
})
