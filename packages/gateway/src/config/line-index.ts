/** Line and column, counted from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** Turns offsets in a text into lines and columns. */
export class LineIndex {
  readonly #text: string
  readonly #starts: number[] = [0]

  constructor(text: string) {
    this.#text = text
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) this.#starts.push(end + 1)
  }

  position(offset: number): Position {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - this.#starts[low]! + 1 }
  }

  /** The text of a line without its end; undefined beyond the last one. */
  line(line: number): string | undefined {
    const start = this.#starts[line - 1]
    if (start === undefined) return undefined
    const end = this.#text.indexOf('\n', start)
    return this.#text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '')
  }
}
