import { Format } from 'typebox/format'

/** Characters of a text that an expression looks at: it is known to be quick on so many (see expressions/backtracking). */
export const MAX_CHECKED_LENGTH = 8_192

/** A text is too long for an expression. It is neither right nor wrong: behind a `not`, wrong would be right. */
export class TextTooLong extends Error {
  constructor() {
    super(
      `has a text of more than ${MAX_CHECKED_LENGTH.toLocaleString('en')} characters where a pattern or format is asked for`,
    )
  }
}

/** A check of our own within a compiled schema, under `~refine`. */
export interface Refinement {
  check(value: unknown): boolean
  /** What is wrong, for people. */
  error(): string
}

/** @throws TextTooLong in `check` */
export function patternRefinement(written: string, compiled: RegExp): Refinement {
  // Without a repetition or a choice the time cannot grow faster than the text.
  const maxLength = /[*+?{|]/.test(compiled.source) ? MAX_CHECKED_LENGTH : Infinity
  return textRefinement(`pattern ${JSON.stringify(written)}`, (text) => compiled.test(text), maxLength)
}

/** undefined: nobody knows this format. */
export function formatRefinement(name: string): Refinement | undefined {
  if (!Format.Has(name)) return undefined
  return textRefinement(`format "${name}"`, (text) => Format.Test(name, text), MAX_CHECKED_LENGTH)
}

function textRefinement(label: string, fits: (text: string) => boolean, maxLength: number): Refinement {
  return {
    check(value) {
      if (typeof value !== 'string') return true
      if (value.length > maxLength) throw new TextTooLong()
      return fits(value)
    },
    error: () => `must match ${label}`,
  }
}

/** The compiler's own takes a microsecond and more for each item. */
export const uniqueItems: Refinement = {
  check: (value) => !Array.isArray(value) || new Set(value.map(sortedJson)).size === value.length,
  error: () => 'must not have an item twice',
}

/** The same text for values that are the same in JSON. */
function sortedJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(sortedJson).join()}]`
  const fields = value as Readonly<Record<string, unknown>>
  return `{${Object.keys(fields)
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => `${JSON.stringify(name)}:${sortedJson(fields[name])}`)
    .join()}}`
}
