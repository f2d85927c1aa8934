import { renderEntries, renderFlow } from '@sekisho/gateway/internal/import/output/render-yaml'
import { RESOURCE_KINDS } from '@sekisho/gateway/internal/resources/kind-names'
import type { Difference, Document } from '../admin-client/answers.ts'
import { printable } from '../explanation/text.ts'
import type { Colours } from '../terminal/colour.ts'
import { compare, type FieldDifference, withoutTimes } from './compare.ts'

/** Resources that are shown whole; nobody reads more, and the last line counts all. */
const MAX_SHOWN = 200

/** Longer values get a line of their own on each side. */
const MAX_ON_ONE_LINE = 70

/**
 * What differs, resource by resource: `+` is new, `-` goes away, `~` changes. Ends with a line that counts. Secrets come masked from the
 * Admin API.
 */
export function renderDifferences(differences: readonly Difference[], colours: Colours): string {
  if (differences.length === 0) return 'no differences\n'
  const sorted = [...differences].sort((a, b) => rank(a) - rank(b))
  const shown = sorted.slice(0, MAX_SHOWN).map((difference) => renderOne(difference, colours))
  const more = sorted.length - shown.length
  if (more > 0) shown.push(colours.faint(`… and ${more} more\n`))
  return `${shown.join('')}${counts(differences)}\n`
}

/** In the order of a configuration file that people write: what is referred to first. */
const rank = ({ kind }: Difference): number => RESOURCE_KINDS.indexOf(kind)

/** `2 new, 1 changed, 3 removed`. */
export function counts(differences: readonly Difference[]): string {
  const count = (word: string, holds: (one: Difference) => boolean): string | undefined => {
    const found = differences.filter(holds).length
    return found === 0 ? undefined : `${found} ${word}`
  }
  return [
    count('new', (one) => !one.before && !!one.after),
    count('changed', (one) => !!one.before && !!one.after),
    count('removed', (one) => !!one.before && !one.after),
  ]
    .filter((text) => text !== undefined)
    .join(', ')
}

function renderOne({ kind, id, before, after }: Difference, colours: Colours): string {
  const name = `${kind}/${id}`
  if (before && after) {
    const fields = compare(before, after).map((field) => renderField(field, colours))
    return `${colours.changed(`~ ${name}`)}\n${fields.join('')}`
  }
  if (after) return `${colours.added(`+ ${name}`)}\n${colours.added(body(after))}`
  return `${colours.removed(`- ${name}`)}\n${colours.removed(body(before ?? {}))}`
}

/** All of a resource but what its name says already. */
function body(document: Document): string {
  const { id: _id, ...fields } = withoutTimes(document)
  return printable(renderEntries(shortened(fields) as Record<string, unknown>, '    '))
}

function renderField({ path, before, after }: FieldDifference, colours: Colours): string {
  const name = printable(fieldName(path))
  const [old, now] = [before, after].map(onOneLine)
  if (old === undefined) return colours.added(`  + ${name}: ${now}\n`)
  if (now === undefined) return colours.removed(`  - ${name}: ${old}\n`)
  if (old.length + now.length <= MAX_ON_ONE_LINE)
    return `    ${name}: ${colours.removed(old)} → ${colours.added(now)}\n`
  return `    ${name}:\n${colours.removed(`    - ${old}`)}\n${colours.added(`    + ${now}`)}\n`
}

/** `plugins.limit-count.count`, `nodes[0].weight`; what has a dot itself is quoted. */
const fieldName = (path: readonly (string | number)[]): string =>
  path
    .map((part, at) => {
      if (typeof part === 'number') return `[${part}]`
      const text = /^[\w-]+$/.test(part) ? part : JSON.stringify(part)
      return at === 0 ? text : `.${text}`
    })
    .join('')

/** undefined where there is no value. */
const onOneLine = (value: unknown): string | undefined =>
  value === undefined ? undefined : printable(renderFlow(shortened(value)))

/** A certificate, or the text of a proto, would hide everything else. */
function shortened(value: unknown): unknown {
  if (typeof value === 'string') {
    const lines = value.replace(/\n$/, '').split('\n').length
    return lines > 3 ? `(text of ${lines} lines)` : value
  }
  if (Array.isArray(value)) return value.map(shortened)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shortened(part)]))
}
