import { pointerPart } from '../../config/problem.ts'
import type { Document, DocumentChange } from '../../control/control-plane.ts'
import { RESOURCE_KINDS, type ResourceKind } from '../../resources/kind-names.ts'
import type { AdminContext, AdminOptions, AdminRouter } from '../admin-options.ts'
import { maskSecrets } from '../audit/mask-secrets.ts'
import { AdminError } from '../request/admin-error.ts'
import { flag, wholeNumber } from '../request/query.ts'
import { readDocument } from '../request/read-body.ts'
import { reply } from '../request/reply.ts'
import { commitWith, refuseReadOnly, requireRevision } from './commit.ts'
import { documentChanges } from './document-changes.ts'
import { between, conflictIn } from './history-routes.ts'
import { shownDifferences } from './shown-differences.ts'

/** `/transaction`, `/configs`, `/configs/validate`: whole documents. */
export function transactionRoutes(api: AdminRouter, options: AdminOptions): void {
  const { control, plugins } = options
  api.post('/transaction', async (c) => {
    refuseReadOnly(options)
    const replace = flag(c, 'replace')
    const force = flag(c, 'force')
    const { changes, placed } = documentChanges(await readDocument(c), replace)
    const conditioned = withConditions(c, options, changes)
    const done = await commitWith(
      c,
      options,
      '',
      (write) =>
        replace
          ? control.replaceAll(conditioned, { ...write, force })
          : control.write(conditioned, { ...write, force }),
      placed,
    )
    if ('conflict' in done) throw conflictIn(done.conflict)
    return reply(c, 200, {
      revision: done.revision,
      ...(done.dryRun ? { dry_run: true } : {}),
      changes: shownDifferences(done.changes, plugins),
    })
  })

  api.get('/configs', async (c) => {
    const revision = wholeNumber(c, 'revision', { min: 0 })
    const documents = revision === undefined ? documentsNow(options) : await documentsAt(options, revision)
    // For a restore elsewhere, which masks are of no use to.
    const secret = c.get('key').role !== 'admin' || !flag(c, 'secrets')
    const lists = RESOURCE_KINDS.map((kind) => {
      const list = [...(documents.get(kind)?.values() ?? [])]
      return [kind, secret ? list.map((one) => maskSecrets(kind, one, plugins)) : list] as const
    })
    const filled = Object.fromEntries(lists.filter(([, list]) => list.length > 0))
    return reply(c, 200, filled, { 'x-revision': String(revision ?? control.revision) })
  })

  api.post('/configs/validate', async (c) => {
    const { changes, placed } = documentChanges(await readDocument(c), true)
    const author = { who: c.get('key').name, from: 'validate' }
    const result = await control.replaceAll(changes, { author, dryRun: true })
    if (!('problems' in result)) return reply(c, 200, {})
    const problems = placed(result.problems)
    const errors = problems.map(({ path, message }) => validationError(path, message, changes))
    return reply(c, 400, { error_msg: 'Configuration validation failed', errors, problems })
  })
}

/** With `?if_revision`, whoever changes one of these between the look at the revision and the write is noticed, too. */
function withConditions(
  c: AdminContext,
  { control }: AdminOptions,
  changes: readonly DocumentChange[],
): readonly DocumentChange[] {
  if (!requireRevision(c, control)) return changes
  return changes.map((change) => ({ ...change, ifRevision: control.get(change.kind, change.id)?.revision ?? 0 }))
}

type Documents = ReadonlyMap<ResourceKind, Map<string, Document>>

/** With private keys: an export must be good for a restore. */
const documentsNow = ({ control }: AdminOptions): Documents =>
  new Map(RESOURCE_KINDS.map((kind) => [kind, new Map(control.list(kind).map(({ id, value }) => [id, value]))]))

async function documentsAt(options: AdminOptions, revision: number): Promise<Documents> {
  const now = options.control.revision
  if (revision > now) throw new AdminError(404, `revision ${revision} is not there yet; the newest is ${now}`)
  const documents = documentsNow(options)
  for (const { kind, id, before } of await between(options, revision, now)) {
    if (before === undefined) documents.get(kind)?.delete(id)
    else documents.get(kind)?.set(id, before)
  }
  return documents
}

/** As in APISIX's answer; the index counts from 0. */
function validationError(path: string, message: string, changes: readonly DocumentChange[]): object {
  const [, kind = '', part = ''] = path.split('/')
  const ofKind = changes.filter((change) => change.kind === kind)
  const index = ofKind.findIndex(({ id }) => pointerPart(id) === part)
  return { resource_type: kind, resource_id: part, index, error: message }
}
