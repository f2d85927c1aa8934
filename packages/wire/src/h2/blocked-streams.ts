import type { H2Connection } from './connection.ts'
import type { H2Stream } from './stream.ts'

/** What is written leaves at the end of the turn: more than this at a time only makes others wait. */
const MAX_TURN_BYTES = 1_048_576

/** The streams of a connection with bytes that could not leave: for want of a window, or because the socket is full. */
export class BlockedStreams<S extends H2Stream> {
  private readonly streams = new Set<S>()
  private readonly connection: H2Connection<S>

  constructor(connection: H2Connection<S>) {
    this.connection = connection
  }

  add(stream: S): void {
    this.streams.add(stream)
  }
  delete(stream: S): void {
    this.streams.delete(stream)
  }
  has(stream: S): boolean {
    return this.streams.has(stream)
  }
  clear(): void {
    this.streams.clear()
  }

  /** A frame's worth for each stream that waits, in turn, until nothing can leave. */
  pump(): void {
    const { connection, streams } = this
    const { output } = connection
    let moved = true
    while (moved && connection.sendWindow > 0 && !output.congested) {
      moved = false
      for (const stream of streams) {
        if (stream.pump()) moved = true
        if (!stream.waits) {
          streams.delete(stream)
          stream.onDrained()
        }
        if (connection.sendWindow <= 0 || output.backlog > MAX_TURN_BYTES) break
      }
      if (output.backlog > MAX_TURN_BYTES) break
    }
    // A stream that waited for the socket alone has nothing queued.
    for (const stream of streams) {
      if (stream.waits) continue
      streams.delete(stream)
      stream.onDrained()
    }
  }
}
