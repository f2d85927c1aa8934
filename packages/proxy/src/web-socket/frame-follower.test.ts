import type { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import * as ws from 'ws'
import { closeFrame, FrameFollower, PROTOCOL_ERROR, TOO_BIG, type FollowerOptions } from './frame-follower.ts'

/** What ws reads with; its types do not know it. */
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Writable }

const follower = (options: Partial<FollowerOptions> = {}): FrameFollower =>
  new FrameFollower({ maxMessageBytes: 1_000, masked: false, extensions: false, ...options })

interface FrameOptions {
  readonly final?: boolean
  readonly masked?: boolean
  readonly reserved?: number
}

function frame(
  opcode: number,
  size: number,
  { final = true, masked = false, reserved = 0 }: FrameOptions = {},
): Buffer {
  const first = (final ? 0x80 : 0) | reserved | opcode
  const mask = masked ? 0x80 : 0
  const length =
    size < 126
      ? [mask | size]
      : size < 65_536
        ? [mask | 126, size >> 8, size & 255]
        : [mask | 127, 0, 0, 0, 0, size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255]
  return Buffer.concat([Buffer.from([first, ...length, ...(masked ? [1, 2, 3, 4] : [])]), Buffer.alloc(size, 'x')])
}

describe('messages that may pass', () => {
  test.each([
    ['an empty one', [frame(1, 0)]],
    ['125, 126 and 1,000 bytes', [frame(1, 125), frame(2, 126), frame(2, 1_000)]],
    [
      'in fragments with a ping between',
      [frame(1, 400, { final: false }), frame(9, 5), frame(0, 600), frame(1, 1_000)],
    ],
    ['a close frame', [frame(8, 2)]],
  ])('%s, in whatever pieces', (_, frames) => {
    const bytes = Buffer.concat(frames)
    for (const size of [bytes.length, 1, 3, 127]) {
      const one = follower()
      for (let at = 0; at < bytes.length; at += size) expect(one.follow(bytes.subarray(at, at + size))).toBeUndefined()
      expect(one.atBoundary).toBe(true)
    }
  })

  test('masked ones of a client', () => {
    expect(follower({ masked: true }).follow(frame(1, 70_000 % 900, { masked: true }))).toBeUndefined()
  })
})

describe('what ends a WebSocket', () => {
  test.each<[string, Buffer[], Partial<FollowerOptions>, number]>([
    ['a message over the limit', [frame(2, 1_001)], {}, TOO_BIG],
    ['fragments over the limit', [frame(2, 999, { final: false }), frame(0, 2)], {}, TOO_BIG],
    ['an announced gigabyte', [frame(2, 70_000).subarray(0, 10)], {}, TOO_BIG],
    ['an unmasked frame of a client', [frame(1, 1)], { masked: true }, PROTOCOL_ERROR],
    ['a masked frame of a server', [frame(1, 1, { masked: true })], {}, PROTOCOL_ERROR],
    ['a reserved bit', [frame(1, 1, { reserved: 0x40 })], {}, PROTOCOL_ERROR],
    ['an unknown opcode', [frame(3, 1)], {}, PROTOCOL_ERROR],
    ['an unknown control opcode', [frame(0xb, 1)], {}, PROTOCOL_ERROR],
    ['a fragmented ping', [frame(9, 1, { final: false })], {}, PROTOCOL_ERROR],
    ['a large ping', [frame(9, 126)], {}, PROTOCOL_ERROR],
    ['a continuation of nothing', [frame(0, 1)], {}, PROTOCOL_ERROR],
    ['a message within a message', [frame(1, 1, { final: false }), frame(1, 1)], {}, PROTOCOL_ERROR],
  ])('%s', (_, frames, options, code) => {
    for (const step of [10_000, 1]) {
      const one = follower(options)
      const bytes = Buffer.concat(frames)
      let found: number | undefined
      for (let at = 0; at < bytes.length && found === undefined; at += step)
        found = one.follow(bytes.subarray(at, at + step))?.code
      expect(found).toBe(code)
    }
  })

  test('a reserved bit is fine where an extension was agreed on', () => {
    expect(follower({ extensions: true }).follow(frame(1, 1, { reserved: 0x40 }))).toBeUndefined()
  })
})

test('close frames have a code and a reason of at most 123 bytes, masked towards a server', () => {
  expect(closeFrame({ code: 1001, reason: 'bye' }, false)).toEqual(Buffer.from([0x88, 5, 3, 0xe9, 0x62, 0x79, 0x65]))
  const masked = closeFrame({ code: 1009, reason: 'é'.repeat(100) }, true)
  expect(masked.subarray(0, 2)).toEqual(Buffer.from([0x88, 0xfd]))
  expect(masked.length).toBe(131)
  expect(follower({ masked: true }).follow(masked)).toBeUndefined()
})

/** xorshift32: the seed is printed with a failure. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

describe.each([1, 2, 3, 4])('like the receiver of ws (seed %i)', (seed) => {
  test('it takes and refuses the same frames', async () => {
    const next = random(seed * 7_919)
    for (let round = 0; round < 300; round++) {
      const frames = Array.from({ length: 1 + Math.floor(next() * 4) }, () => {
        const one = frame(Math.floor(next() * 12), Math.floor(next() * 140), { final: next() < 0.7 })
        // Close frames end what ws reads, with rules for their content that are not ours to check.
        if ((one[0] & 15) === 8) one[0] = one[0] + 1
        if (next() < 0.1) one[Math.floor(next() * 2)] = Math.floor(next() * 256) & 0x7f
        return one
      })
      const bytes = Buffer.concat(frames)
      if (frames.some((one) => (one[0] & 15) === 8)) continue
      const receiver = new Receiver({ isServer: false, maxPayload: 1_000, skipUTF8Validation: true })
      let refused: number | undefined
      receiver.on('error', (error: Error & Record<symbol, number>) => {
        const status = Object.getOwnPropertySymbols(error).find((one) => String(one).includes('status'))
        refused = status === undefined ? PROTOCOL_ERROR : error[status]
      })
      receiver.write(bytes)
      await new Promise((resolve) => setImmediate(resolve))
      expect(follower().follow(bytes)?.code, `round ${round}: ${bytes.toString('hex')}`).toBe(refused)
      receiver.destroy()
    }
  })
})
