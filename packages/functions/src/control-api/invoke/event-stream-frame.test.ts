import { EventStreamCodec } from '@smithy/core/event-streams'
import { expect, it } from 'vitest'
import { eventStreamFrame, frameHeaders } from './event-stream-frame.ts'

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(typeof bytes === 'string' ? bytes : (bytes as Uint8Array)).toString(),
  (text) => Buffer.from(text),
)

it.each([0, 1, 7, 65_536, 1_048_576])('a frame of %i bytes is as the codec of the SDK makes it', (bytes) => {
  const payload = Buffer.alloc(bytes, 'żx')
  const headers = { ':event-type': 'PayloadChunk', ':content-type': 'application/octet-stream' }
  const frame = eventStreamFrame(frameHeaders(headers), payload)
  const theirs = codec.encode({
    headers: {
      ':event-type': { type: 'string', value: 'PayloadChunk' },
      ':content-type': { type: 'string', value: 'application/octet-stream' },
    },
    body: payload,
  })
  expect(frame.equals(theirs)).toBe(true)
  const decoded = codec.decode(frame)
  expect(Buffer.from(decoded.body).equals(payload)).toBe(true)
  expect(decoded.headers[':event-type']).toEqual({ type: 'string', value: 'PayloadChunk' })
})
