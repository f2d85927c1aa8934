/* eslint-disable typescript/no-explicit-any -- events and answers are looked into as a function would */
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import * as ws from 'ws'
import { FrameReader } from './frame-reader.ts'
import { BINARY, CLOSE, closeFrame, CONTINUATION, frame, PING, PONG, TEXT } from './frames.ts'

const LIMITS = { maxFrameBytes: 70_000, maxMessageBytes: 100_000 }

/** A frame of a client. */
function masked(opcode: number, payload: Buffer | string, { final = true, first = 0 } = {}): Buffer {
  const bytes = frame(opcode, Buffer.from(payload))
  const head = bytes.length - Buffer.byteLength(payload)
  const mask = Buffer.from([1, 2, 3, 250])
  bytes[0] = (final ? 0x80 : 0) | opcode | first
  bytes[1] |= 0x80
  const body = bytes.subarray(head).map((byte, at) => byte ^ mask[at & 3])
  return Buffer.concat([bytes.subarray(0, head), mask, body])
}

/** What a reader finds in bytes that come in pieces of some lengths. */
function read(bytes: Buffer, lengths: () => number = () => bytes.length): string[] {
  const found: string[] = []
  const reader = new FrameReader(LIMITS, {
    onMessage: (data, isText) => found.push(`${isText ? 'text' : 'binary'} ${data.toString('hex')}`),
    onPing: (data) => found.push(`ping ${data.toString('hex')}`),
    onPong: () => found.push('pong'),
    onClose: (code, reason) => found.push(`close ${code} ${reason}`),
    onFault: (code) => found.push(`fault ${code}`),
  })
  for (let at = 0; at < bytes.length;) {
    const length = Math.max(1, lengths())
    reader.push(bytes.subarray(at, at + length))
    at += length
  }
  return found
}

const hex = (text: string): string => Buffer.from(text).toString('hex')

describe('frames of a client', () => {
  it.each<[string, Buffer[], string[]]>([
    ['a text', [masked(TEXT, 'hé')], [`text ${hex('hé')}`]],
    ['nothing', [masked(BINARY, '')], ['binary ']],
    ['126 bytes', [masked(BINARY, Buffer.alloc(126))], [`binary ${'00'.repeat(126)}`]],
    ['65,536 bytes', [masked(BINARY, Buffer.alloc(65_536))], [`binary ${'00'.repeat(65_536)}`]],
    [
      'fragments, with a ping between them',
      [
        masked(TEXT, Buffer.from('é').subarray(0, 1), { final: false }),
        masked(PING, 'x'),
        masked(CONTINUATION, Buffer.from('é').subarray(1)),
      ],
      [`ping ${hex('x')}`, `text ${hex('é')}`],
    ],
    ['a pong', [masked(PONG, 'x')], ['pong']],
    ['a close', [masked(CLOSE, Buffer.from([3, 232, 120]))], ['close 1000 x']],
    ['a close without a code', [masked(CLOSE, '')], ['close 1005 ']],
    ['nothing behind a close', [masked(CLOSE, ''), masked(TEXT, 'x')], ['close 1005 ']],
  ])('%s', (_, parts, expected) => {
    const bytes = Buffer.concat(parts)
    expect(read(bytes)).toEqual(expected)
    expect(read(bytes, () => 1)).toEqual(expected)
  })

  it.each<[string, Buffer, number]>([
    ['without a mask', frame(TEXT, Buffer.from('x')), 1002],
    ['a reserved bit', masked(TEXT, 'x', { first: 0x40 }), 1002],
    ['an unknown opcode', masked(3, 'x'), 1002],
    ['an unknown control opcode', masked(0xb, 'x'), 1002],
    ['a fragmented ping', masked(PING, 'x', { final: false }), 1002],
    ['a large ping', masked(PING, Buffer.alloc(126)), 1002],
    ['a continuation of nothing', masked(CONTINUATION, 'x'), 1002],
    ['a text within a text', Buffer.concat([masked(TEXT, 'x', { final: false }), masked(TEXT, 'y')]), 1002],
    ['a long form of a short length', Buffer.from([0x82, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5]), 1002],
    ['text that is not UTF-8', masked(TEXT, Buffer.from([0xff])), 1007],
    ['half a character at the end', masked(TEXT, Buffer.from([0xc3])), 1007],
    ['a close of one byte', masked(CLOSE, 'x'), 1002],
    ['a close with a code that nobody sends', masked(CLOSE, Buffer.from([3, 237])), 1002],
    ['a reason that is not UTF-8', masked(CLOSE, Buffer.from([3, 232, 255])), 1007],
    ['a large frame', masked(BINARY, Buffer.alloc(70_001)), 1009],
    [
      'a large message',
      Buffer.concat([
        masked(BINARY, Buffer.alloc(60_000), { final: false }),
        masked(CONTINUATION, Buffer.alloc(60_000)),
      ]),
      1009,
    ],
    [
      'thousands of fragments',
      Buffer.concat([
        masked(BINARY, 'x', { final: false }),
        ...Array.from({ length: 4_096 }, () => masked(CONTINUATION, 'x', { final: false })),
      ]),
      1009,
    ],
    ['a length above 2^53', Buffer.from([0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]), 1002],
  ])('refused: %s', (_, bytes, code) => {
    expect(read(bytes)).toEqual([`fault ${code}`])
  })

  it('allocates nothing for what is announced and too large', () => {
    expect(read(Buffer.from([0x82, 0xff, 0, 0, 0, 255, 0, 0, 0, 0, 1, 1, 1, 1]))).toEqual(['fault 1009'])
  })

  it('agrees with ws on random conversations', async () => {
    const seed = Number(process.env['SEKISHO_SEED'] ?? Date.now() % 1_000_000)
    const random = generator(seed)
    for (let round = 0; round < 400; round++) {
      const bytes = conversation(random)
      const expected = await byWs(bytes)
      const found = read(bytes, () => 1 + Math.floor(random() * 40))
      expect(found, `seed ${seed}, round ${round}: ${bytes.toString('hex').slice(0, 400)}`).toEqual(expected)
    }
  })
})

describe('frames of the server', () => {
  it('cuts a reason', () => {
    expect(closeFrame(1001, 'x'.repeat(200))).toHaveLength(127)
  })
})

function conversation(random: () => number): Buffer {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]
  const parts: Buffer[] = []
  for (let count = 1 + Math.floor(random() * 6); count > 0; count--) {
    const length = pick([0, 1, 5, 125, 126, 300, 65_535, 65_536])
    const payload =
      random() < 0.7 ? Buffer.alloc(length, 'ab') : Buffer.from(Array.from({ length }, () => random() * 256))
    const opcode = pick([TEXT, TEXT, BINARY, BINARY, CONTINUATION, PING, PONG, CLOSE, 5, 11])
    const options = { final: random() < 0.7, first: random() < 0.03 ? pick([0x40, 0x20, 0x10]) : 0 }
    if (opcode === CLOSE && length > 1)
      payload.writeUInt16BE(pick([999, 1000, 1001, 1004, 1005, 1006, 1015, 2999, 3000, 4999, 5000]), 0)
    parts.push(random() < 0.03 ? frame(opcode, payload) : masked(opcode, payload, options))
  }
  return Buffer.concat(parts)
}

/** What `ws` finds in the same bytes. */
function byWs(bytes: Buffer): Promise<string[]> {
  return new Promise((resolve) => {
    const found: string[] = []
    // The one thing of it that its types do not name.
    const { Receiver } = ws as any
    const receiver = new Receiver({
      isServer: true,
      maxPayload: LIMITS.maxMessageBytes,
      allowSynchronousEvents: true,
    })
    receiver.on('message', (data: Buffer, isBinary: boolean) =>
      found.push(`${isBinary ? 'binary' : 'text'} ${Buffer.from(data).toString('hex')}`),
    )
    receiver.on('ping', (data: Buffer) => found.push(`ping ${data.toString('hex')}`))
    receiver.on('pong', () => found.push('pong'))
    receiver.on('conclude', (code: number, reason: Buffer) => {
      found.push(`close ${code} ${reason.toString()}`)
      resolve(found)
    })
    receiver.on('error', (error: any) => {
      found.push(
        `fault ${error[Object.getOwnPropertySymbols(error).find((one) => String(one) === 'Symbol(status-code)') as never]}`,
      )
      resolve(found)
    })
    const source = new PassThrough()
    source.pipe(receiver)
    receiver.on('finish', () => resolve(found))
    // It unmasks in place.
    source.end(Buffer.from(bytes))
  })
}

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
