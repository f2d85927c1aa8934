import { compileFilter, type Matcher } from './filter-pattern.ts'
import type { SourceRecord } from './poller.ts'

/** Which records go to the function: those that one of the filters lets pass. Without filters all do. */
export class RecordFilter {
  readonly #matchers: readonly Matcher[]
  /** Members whose text is looked into as JSON, since a filter says what must be inside. */
  readonly #parsed: ReadonlySet<string>

  /** Throws what is wrong with a pattern. */
  constructor(patterns: readonly string[]) {
    this.#matchers = patterns.map(compileFilter)
    const parsed = patterns.flatMap((text) =>
      Object.entries(JSON.parse(text) as object)
        .filter(([, part]) => !Array.isArray(part))
        .map(([name]) => name),
    )
    this.#parsed = new Set(parsed)
  }

  passes(record: SourceRecord): boolean {
    if (this.#matchers.length === 0) return true
    const view: Record<string, unknown> = { ...record.event }
    for (const [name, text] of Object.entries(record.contents))
      view[name] = this.#parsed.has(name) && text !== undefined ? parsed(text) : text
    return this.#matchers.some((matches) => matches(view))
  }
}

/** What is no JSON matches no pattern that looks inside. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
