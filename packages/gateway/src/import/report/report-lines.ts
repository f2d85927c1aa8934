import type { ConfigSource } from '../../config/source.ts'
import type { FindingKind, ImportFinding } from './report.ts'

/** A finding with its place in the file. */
export interface LocatedFinding extends ImportFinding {
  readonly file: string
  /** From 1; 0 where there are no lines. */
  readonly line: number
  readonly column: number
}

/** Looks up the places, and sorts by them. Without a source there are none, as of what a running gateway said. */
export function located(
  file: string,
  source: ConfigSource | undefined,
  findings: readonly ImportFinding[],
): LocatedFinding[] {
  if (source === undefined) return findings.map((finding) => ({ ...finding, file, line: 0, column: 0 }))
  return findings
    .map((finding) => {
      const isItem = /\/\d+$/.test(finding.path)
      const { line, column } = source.locate(finding.path, !isItem)
      return { ...finding, file, line, column }
    })
    .sort((a, b) => a.line - b.line || a.column - b.column)
}

const KINDS: readonly (readonly [kind: FindingKind, one: string, several: string])[] = [
  ['not carried over', 'not carried over', 'not carried over'],
  ['unknown field', 'unknown field', 'unknown fields'],
  ['invalid', 'invalid value', 'invalid values'],
  ['warning', 'warning', 'warnings'],
]

/** One line for each finding, and one that counts them. Empty when there is nothing to tell. */
export function renderReport(findings: readonly LocatedFinding[]): string {
  if (findings.length === 0) return ''
  const counts = KINDS.map(([kind, one, several]) => {
    const count = findings.filter((finding) => finding.kind === kind).length
    return count === 0 ? undefined : `${count} ${count === 1 ? one : several}`
  })
  return `${findings.map(line).join('')}${counts.filter((count) => count !== undefined).join(', ')}\n`
}

function line({ file, line: at, column, kind, path, message }: LocatedFinding): string {
  const place = at === 0 ? file : `${file}:${at}:${column}`
  const text = `${place}  ${kind}  ${[path, message].filter((part) => part !== '').join(': ')}`
  // What stands in the file must not steer the terminal.
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return `${text.replaceAll(/[\0-\x1f\x7f-\x9f]/g, ' ')}\n`
}
