import type { PluginLookup } from '../../config/plugin-lookup.ts'
import type { Document, ResourceDifference } from '../../control/control-plane.ts'
import type { HistoryEntry } from '../../store/backend/backend.ts'
import { RESOURCE_KINDS, type ResourceKind } from '../../resources/kind-names.ts'
import type { AdminOptions, AdminRouter } from '../admin-options.ts'
import { AdminError, badRequest } from '../request/admin-error.ts'
import { withDeadline } from '../request/deadline.ts'
import { flag, wholeNumber } from '../request/query.ts'
import { readObject } from '../request/read-body.ts'
import { reply } from '../request/reply.ts'
import { commitWith, refuseReadOnly, requireRevision } from './commit.ts'
import { shownDifferences } from './shown-differences.ts'

const HISTORY_LIMIT = { byDefault: 50, max: 1_000 }

/** `/history`, `/diff`, `/rollback`. */
export function historyRoutes(api: AdminRouter, options: AdminOptions): void {
  const { control, plugins } = options
  api.get('/history', async (c) => {
    const limit = wholeNumber(c, 'limit', { min: 1, max: HISTORY_LIMIT.max }) ?? HISTORY_LIMIT.byDefault
    const before = wholeNumber(c, 'before', { min: 1 })
    const entries = await withDeadline(control.history({ limit, ...(before === undefined ? {} : { before }) }))
    return reply(c, 200, { revision: control.revision, list: entries.map((entry) => shownEntry(entry, plugins)) })
  })
  api.get('/diff', async (c) => {
    const from = wholeNumber(c, 'from', { min: 0 })
    const to = wholeNumber(c, 'to', { min: 0 }) ?? control.revision
    if (from === undefined) throw badRequest('missing argument from: add "?from=REVISION"; GET history names revisions')
    const differences = await between(options, from, to)
    // What a viewer may not see, nobody sees by accident.
    const plain = flag(c, 'secrets') && c.get('key').role === 'admin'
    return reply(c, 200, { from, to, changes: plain ? differences : shownDifferences(differences, plugins) })
  })
  api.post('/rollback', async (c) => {
    refuseReadOnly(options)
    const { revision, only, ...rest } = await readObject(c)
    const unknown = Object.keys(rest)[0]
    if (unknown !== undefined) throw badRequest(`/${unknown}: is not known here; known are "revision" and "only"`)
    if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 0)
      throw badRequest('/revision: write a revision as a whole number; GET history names them')
    const resource = only === undefined || only === null ? undefined : resourceNamed(only)
    requireRevision(c, control)
    const done = await commitWith(c, options, '', (write) => control.rollback(revision, resource, write))
    if ('conflict' in done) throw conflictIn(done.conflict)
    const changes = shownDifferences(done.changes, plugins)
    return reply(c, 200, { revision: done.revision, ...(done.dryRun ? { dry_run: true } : {}), changes })
  })
}

export const conflictIn = (key: string): AdminError =>
  new AdminError(503, `value changed before overwritten: somebody else wrote ${key}; try again`)

/** Differences from one revision to another; 404 when the history does not reach that far. */
export async function between(
  { control }: AdminOptions,
  from: number,
  to: number,
): Promise<readonly ResourceDifference[]> {
  const differences = await withDeadline(control.diff(from, to))
  if (differences !== undefined) return differences
  throw new AdminError(404, `revision ${from} or ${to} is not known (any more); GET history names those that are`)
}

/** `routes/1` */
function resourceNamed(written: unknown): { kind: ResourceKind; id: string } {
  const [name, ...rest] = typeof written === 'string' ? written.split('/') : []
  const kind = RESOURCE_KINDS.find((known) => known === name)
  if (kind === undefined || rest.length === 0 || rest.includes(''))
    throw badRequest('/only: write one resource as "routes/1"')
  return { kind, id: rest.join('/') }
}

/** With the changes parsed, and secrets masked. */
function shownEntry({ revision, time, author, changes }: HistoryEntry, plugins: PluginLookup): object {
  const differences = changes.map(({ key, before, after }): ResourceDifference => {
    const slash = key.indexOf('/')
    const kind = key.slice(0, slash) as ResourceKind
    return { kind, id: key.slice(slash + 1), before: parsed(before), after: parsed(after) }
  })
  return {
    revision,
    time,
    author: author ?? null,
    changes: shownDifferences(differences, plugins),
  }
}

const parsed = (text: string | undefined): Document | undefined =>
  text === undefined ? undefined : (JSON.parse(text) as Document)
