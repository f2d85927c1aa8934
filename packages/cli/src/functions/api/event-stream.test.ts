import { eventStreamFrame, frameHeaders } from '@sekisho/functions/internal/control-api/invoke/event-stream-frame'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readEventStream } from './event-stream.ts'

async function* pieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

async function read(bytes: Buffer, length = bytes.length): Promise<readonly [Record<string, string>, string][]> {
  const messages: [Record<string, string>, string][] = []
  for await (const { headers, payload } of readEventStream(pieces(bytes, Math.max(length, 1))))
    messages.push([Object.fromEntries(headers), payload.toString()])
  return messages
}

const frame = (headers: Record<string, string>, payload: string): Buffer =>
  eventStreamFrame(frameHeaders(headers), Buffer.from(payload))
const TWO = Buffer.concat([frame({ ':event-type': 'PayloadChunk', b: 'ü' }, 'one'), frame({}, '')])

it('reads what the engine writes, in pieces of any size', async () => {
  for (const length of [1, 7, TWO.length])
    expect(await read(TWO, length)).toEqual([
      [{ ':event-type': 'PayloadChunk', b: 'ü' }, 'one'],
      [{}, ''],
    ])
})

it('refuses what is damaged or cut off', async () => {
  await expect(read(TWO.subarray(0, -1))).rejects.toThrow('broke in the middle')
  await fc.assert(
    fc.asyncProperty(fc.nat(TWO.length - 17), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const damaged = Buffer.from(TWO)
      damaged[at]! ^= change
      await expect(read(damaged)).rejects.toThrow(/damaged|broke/)
    }),
    { seed: 5, numRuns: 200 },
  )
})
