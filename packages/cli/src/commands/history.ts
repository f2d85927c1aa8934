import { AdminClient, type AdminClientOptions } from '../admin-client/admin-client.ts'
import type { Difference, HistoryEntry } from '../admin-client/answers.ts'
import { counts, renderDifferences } from '../differences/render.ts'
import { printable, table } from '../explanation/text.ts'
import { Failure } from '../failure.ts'
import { type Colours, coloursFor } from '../terminal/colour.ts'

export interface HistoryOptions extends AdminClientOptions {
  readonly limit: number
  readonly before?: number
  readonly json?: boolean
}

/** Names of changed resources in a line; the rest is counted. */
const MAX_NAMES = 3

/** `sekisho history`: the changes, newest first; with a revision, what that one changed. */
export async function history(revision: number | undefined, options: HistoryOptions): Promise<void> {
  const client = new AdminClient(options)
  const colours = coloursFor(process.stdout)
  const entries = await client.history(
    revision === undefined ? options.limit : 1,
    revision === undefined ? options.before : revision + 1,
  )
  if (revision !== undefined && entries[0]?.revision !== revision)
    throw new Failure(`there is no revision ${revision} in the history; "sekisho history" lists those there are`)
  if (options.json === true) process.stdout.write(`${JSON.stringify(entries, undefined, 2)}\n`)
  else if (revision !== undefined) process.stdout.write(renderEntry(entries[0] as HistoryEntry, colours))
  else process.stdout.write(renderHistory(entries, options.limit))
}

/** A line for each change. */
export function renderHistory(entries: readonly HistoryEntry[], limit: number): string {
  if (entries.length === 0) return 'nothing has been changed yet\n'
  const rows = entries.map((entry) => [
    String(entry.revision),
    when(entry.time),
    who(entry),
    counts(entry.changes),
    printable(names(entry.changes) + comment(entry)),
  ])
  const last = entries.at(-1)!.revision
  const more = entries.length < limit ? '' : `older ones: --before ${last}\n`
  return `${table([['REVISION', 'TIME', 'BY', 'CHANGES', ''], ...rows])}${more}`
}

function renderEntry(entry: HistoryEntry, colours: Colours): string {
  const head = `revision ${entry.revision}, ${when(entry.time)}, by ${who(entry)}${printable(comment(entry))}`
  return `${colours.strong(head)}\n${renderDifferences(entry.changes, colours)}`
}

/** `2026-11-21 15:04:05Z` */
const when = (time: number): string => `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}Z`

const who = ({ author }: HistoryEntry): string => (author ? printable(`${author.who} (${author.from})`) : '-')

const comment = ({ author }: HistoryEntry): string => (author?.comment === undefined ? '' : `  "${author.comment}"`)

function names(changes: readonly Difference[]): string {
  const shown = changes.slice(0, MAX_NAMES).map((change) => `${sign(change)}${change.kind}/${change.id}`)
  return changes.length > MAX_NAMES ? `${shown.join(' ')} …` : shown.join(' ')
}

const sign = ({ before, after }: Difference): string => (!before ? '+' : after ? '~' : '-')
