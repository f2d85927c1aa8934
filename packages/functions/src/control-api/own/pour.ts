import type { HttpReply } from '../../http/http-exchange.ts'

/**
 * Writes pieces of an answer that has been started as fast as the client takes them, and ends it. When the client goes it stops, and ends the
 * iteration.
 */
export async function pour(pieces: AsyncIterable<Uint8Array>, reply: HttpReply): Promise<void> {
  let lost = false
  let wake: (() => void) | undefined
  reply.onDrain = () => wake?.()
  reply.onLost = () => {
    lost = true
    wake?.()
  }
  for await (const piece of pieces) {
    if (lost) return
    if (reply.write(piece)) continue
    await new Promise<void>((resolve) => (wake = resolve))
    wake = undefined
    if (lost) return
  }
  if (!lost) reply.end()
}
