import type { LogRecord } from './log-record.ts'

/*
 * How records are kept in a file:
 *
 *   #0 2026/11/21/[$LATEST]0123…      the streams that are written to, by number, before their first record
 *   1795284113123 0 START RequestId…  time, stream, text
 *   <TAB>XRAY TraceId…                a line break inside a text
 *
 * A stream's full name in every line would be half of the file.
 */

/** Writes records of one file. */
export class RecordFormatter {
  readonly #streams = new Map<string, number>()

  format(records: readonly LogRecord[]): string {
    let text = ''
    for (const record of records) {
      let stream = this.#streams.get(record.stream)
      if (stream === undefined) {
        stream = this.#streams.size
        this.#streams.set(record.stream, stream)
        text += `#${stream} ${record.stream}\n`
      }
      const body = record.text.includes('\n') ? record.text.replaceAll('\n', '\n\t') : record.text
      text += `${record.timeMs} ${stream} ${body}\n`
    }
    return text
  }
}

/** Reads them again, line by line. A line that makes no sense (a crash cut it) is passed over. */
export class RecordParser {
  readonly #onRecord: (record: LogRecord) => void
  #streams: string[] = []
  #timeMs = 0
  #stream = ''
  #text: string | undefined

  constructor(onRecord: (record: LogRecord) => void) {
    this.#onRecord = onRecord
  }

  line(line: string): void {
    if (line.startsWith('\t')) {
      if (this.#text !== undefined) this.#text += `\n${line.slice(1)}`
      return
    }
    this.end()
    const space = line.indexOf(' ')
    if (space < 0) return
    if (line.startsWith('#')) {
      // Numbers start over when the engine was started again on the same file.
      this.#streams[Number(line.slice(1, space))] = line.slice(space + 1)
      return
    }
    const second = line.indexOf(' ', space + 1)
    const stream = this.#streams[Number(line.slice(space + 1, second))]
    const timeMs = Number(line.slice(0, space))
    if (second < 0 || stream === undefined || !Number.isFinite(timeMs)) return
    this.#timeMs = timeMs
    this.#stream = stream
    this.#text = line.slice(second + 1)
  }

  end(): void {
    if (this.#text === undefined) return
    const record = { timeMs: this.#timeMs, stream: this.#stream, text: this.#text }
    this.#text = undefined
    this.#onRecord(record)
  }
}
