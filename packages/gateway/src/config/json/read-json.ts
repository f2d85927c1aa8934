import { LineIndex } from '../line-index.ts'
import { pointerParts, pointerPart } from '../problem.ts'
import type { ConfigSource, Place, ReadResult } from '../source.ts'
import { JsonError, type Offsets, parseJson } from './parser.ts'

/** Reads a JSON configuration: strictly JSON, no comments, no repeated keys. */
export function readJson(file: string, written: string): ReadResult {
  // Windows editors put a byte order mark in front.
  const text = written.startsWith('\ufeff') ? written.slice(1) : written
  try {
    return { source: new JsonSource(file, text, parseJson(text)) }
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    const place = placeAt(new LineIndex(text), error.offset)
    return { findings: [{ path: '', message: error.message, remedy: error.remedy, place }] }
  }
}

const placeAt = (lines: LineIndex, offset: number): Place => {
  const position = lines.position(offset)
  return { ...position, source: lines.line(position.line) }
}

/** Places are found by reading the text a second time, when the first one is asked for. */
class JsonSource implements ConfigSource {
  readonly file: string
  readonly value: unknown
  readonly #text: string
  #offsets: Map<string, Offsets> | undefined
  #lines: LineIndex | undefined

  constructor(file: string, text: string, value: unknown) {
    this.file = file
    this.value = value
    this.#text = text
  }

  locate(path: string, atKey: boolean): Place {
    if (this.#offsets === undefined) parseJson(this.#text, (this.#offsets = new Map()))
    this.#lines ??= new LineIndex(this.#text)
    const parts = pointerParts(path)
    for (let length = parts.length; length > 0; length--) {
      const found = this.#offsets.get(
        parts
          .slice(0, length)
          .map((part) => `/${pointerPart(part)}`)
          .join(''),
      )
      if (found) return placeAt(this.#lines, atKey && length === parts.length ? found.key : found.value)
    }
    return placeAt(this.#lines, this.#offsets.get('')?.value ?? 0)
  }
}
