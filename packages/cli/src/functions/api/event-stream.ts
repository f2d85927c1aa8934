import { type EventStreamMessage, EventStreamReader } from '@sekisho/gateway/internal/functions/event-stream-reader'
import { Failure } from '../../failure.ts'

/** The messages of an answer of type `application/vnd.amazon.eventstream`. Throws Failure for what is none. */
export async function* readEventStream(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<EventStreamMessage> {
  const reader = new EventStreamReader()
  for await (const piece of pieces) {
    const messages = reader.push(piece)
    if (typeof messages === 'string') throw new Failure(`the stream is damaged: ${messages}`)
    yield* messages
  }
  if (!reader.atBoundary) throw new Failure('the stream broke in the middle of a message')
}
