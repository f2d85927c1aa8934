import { LineIndex } from './line-index.ts'
import type { SyntaxFinding } from './source.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** One `${{NAME}}` that was replaced: from where to where in the new text, and in the old one. */
interface Replacement {
  readonly start: number
  readonly end: number
  readonly originalStart: number
  readonly written: string
}

/** A text after substitution, which still knows the one before. */
export interface Substituted {
  readonly text: string
  readonly findings: readonly SyntaxFinding[]
  /** The offset in the text as it was written, for an offset in `text`. */
  original(offset: number): number
  /** Whether something in this range of `text` came from the environment. */
  replaced(start: number, end: number): boolean
}

/** `${{NAME}}` or `${{NAME:=default}}`, with spaces inside the braces, as in APISIX. */
const REFERENCE = /\$\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?::=(.*?))?\s*\}\}/g

/**
 * Replaces `${{NAME}}` and `${{NAME:=default}}` by environment variables in the text, before it is read as YAML: so
 * quotes decide whether `80` becomes a number or text. Lines that are comments are left alone.
 *
 * A value with a line break is refused, because it would change the structure of the document.
 */
export function substituteEnvironment(text: string, environment: Environment): Substituted {
  if (!text.includes('${{')) return { text, findings: [], original: (offset) => offset, replaced: () => false }
  const lines = new LineIndex(text)
  const findings: SyntaxFinding[] = []
  const replacements: Replacement[] = []
  let result = ''
  let last = 0
  for (const match of text.matchAll(REFERENCE)) {
    const [written, name = '', fallback] = match
    const lineStart = text.lastIndexOf('\n', match.index) + 1
    if (/^ *#/.test(text.slice(lineStart, match.index))) continue
    const value = environment[name] ?? fallback
    const message =
      value === undefined
        ? `environment variable "${name}" is not set`
        : /[\r\n]/.test(value)
          ? `environment variable "${name}" holds a line break, which would change the structure of the file`
          : undefined
    if (message !== undefined) {
      const position = lines.position(match.index)
      const remedy = value === undefined ? `set it, or write "\${{${name}:=default}}"` : undefined
      findings.push({ path: '', message, remedy, place: { ...position, source: lines.line(position.line) } })
      continue
    }
    result += text.slice(last, match.index) + value
    last = match.index + written.length
    const end = result.length
    replacements.push({ start: end - value!.length, end, originalStart: match.index, written })
  }
  return {
    text: result + text.slice(last),
    findings,
    original: (offset) => originalOffset(replacements, offset),
    replaced: (start, end) => replacements.some((one) => one.start < end && start < one.end),
  }
}

function originalOffset(replacements: readonly Replacement[], offset: number): number {
  let shift = 0
  for (const { start, end, originalStart, written } of replacements) {
    if (offset < start) break
    if (offset < end) return originalStart
    shift = originalStart + written.length - end
  }
  return offset + shift
}
