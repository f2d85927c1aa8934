/** An EndpointSlice has at most 1,000 endpoints, and etcd takes 1.5 MiB. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024

/** The lines of a stream, without what follows the last line break: it was not sent to its end. */
export async function* jsonLines(stream: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  let pending: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    let from = 0
    for (;;) {
      const end = chunk.indexOf(10, from)
      const piece = chunk.subarray(from, end === -1 ? chunk.length : end)
      length += piece.length
      if (length > MAX_LINE_BYTES) throw new Error(`sends an event of more than ${MAX_LINE_BYTES} bytes`)
      pending.push(piece)
      if (end === -1) break
      const text = Buffer.concat(pending).toString('utf8')
      pending = []
      length = 0
      from = end + 1
      if (text.trim() !== '') yield parse(text)
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('sends an event that is not JSON')
  }
}
