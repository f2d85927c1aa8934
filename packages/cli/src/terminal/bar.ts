/** Characters of a whole bar. */
const WIDTH = 24
/** Told more often it would only flicker. */
const EVERY_MS = 50

/** A bar on standard error that fills, and goes away at the end; nothing where that is no terminal. */
export class Bar {
  readonly #what: string
  readonly #stream: NodeJS.WriteStream
  #shownAt = 0

  constructor(what: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#what = what
    this.#stream = stream
  }

  readonly set = (done: number, of: number): void => {
    const now = performance.now()
    if (this.#stream.isTTY !== true || (now - this.#shownAt < EVERY_MS && done < of)) return
    this.#shownAt = now
    const full = Math.round((done / Math.max(of, 1)) * WIDTH)
    const percent = Math.floor((done / Math.max(of, 1)) * 100)
    this.#stream.write(`\r\x1b[K${this.#what} [${'#'.repeat(full)}${' '.repeat(WIDTH - full)}] ${percent} %`)
  }

  clear(): void {
    if (this.#shownAt > 0) this.#stream.write('\r\x1b[K')
  }
}
