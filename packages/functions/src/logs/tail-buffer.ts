/** X-Amz-Log-Result has the last 4 KB of an invocation's log. */
export const TAIL_BYTES = 4096

/** Keeps the end of an invocation's log. */
export class TailBuffer {
  #lines: Buffer[] = []
  #bytes = 0

  push(text: string): void {
    const line = Buffer.from(`${text}\n`)
    this.#lines.push(line)
    this.#bytes += line.length
    while (this.#bytes - this.#lines[0]!.length >= TAIL_BYTES) this.#bytes -= this.#lines.shift()!.length
  }

  bytes(): Buffer {
    const all = Buffer.concat(this.#lines)
    return all.length > TAIL_BYTES ? all.subarray(all.length - TAIL_BYTES) : all
  }
}
