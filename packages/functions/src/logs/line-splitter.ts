/** A log event of AWS has at most 256 KB; longer lines are cut into several. */
export const MAX_LINE_BYTES = 256 * 1024

const LINE_FEED = 10
const CARRIAGE_RETURN = 13

/** Cuts what a process writes into lines, whatever the pieces it comes in. */
export class LineSplitter {
  readonly #onLine: (text: string) => void
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #bytes = 0

  constructor(onLine: (text: string) => void, maxBytes: number = MAX_LINE_BYTES) {
    this.#onLine = onLine
    this.#maxBytes = maxBytes
  }

  push(bytes: Buffer): void {
    let start = 0
    for (;;) {
      const end = bytes.indexOf(LINE_FEED, start)
      this.#add(end < 0 ? bytes.subarray(start) : bytes.subarray(start, end))
      if (end < 0) return
      this.#emit()
      start = end + 1
    }
  }

  /** The process is gone: what it wrote last had no line's end. */
  end(): void {
    if (this.#bytes > 0) this.#emit()
  }

  #add(piece: Buffer): void {
    if (piece.length === 0) return
    this.#parts.push(piece)
    this.#bytes += piece.length
    while (this.#bytes > this.#maxBytes) {
      const all = Buffer.concat(this.#parts)
      const cut = endOfCharacter(all, this.#maxBytes)
      this.#parts = [all.subarray(0, cut)]
      this.#emit()
      this.#parts = [all.subarray(cut)]
      this.#bytes = all.length - cut
    }
  }

  #emit(): void {
    let line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts)
    if (line.length > 0 && line[line.length - 1] === CARRIAGE_RETURN) line = line.subarray(0, -1)
    this.#parts = []
    this.#bytes = 0
    this.#onLine(line.toString('utf8'))
  }
}

/** The largest cut at or before `at` that does not part a UTF-8 character; `at` itself where there is none near. */
function endOfCharacter(bytes: Buffer, at: number): number {
  for (let cut = at; cut > at - 4 && cut > 0; cut--) {
    if ((bytes[cut]! & 0xc0) !== 0x80) return cut
  }
  return at
}
