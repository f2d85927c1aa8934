import type { ConfigProblem } from '../../config/problem.ts'
import type {
  ControlPlane,
  DocumentChange,
  Item,
  ResourceDifference,
  WriteOptions,
  WriteResult,
} from '../../control/control-plane.ts'
import type { AdminContext, AdminOptions } from '../admin-options.ts'
import { auditEntry } from '../audit/audit-entry.ts'
import { AdminError, invalid, refusedFor } from '../request/admin-error.ts'
import { withDeadline } from '../request/deadline.ts'
import { flag, wholeNumber } from '../request/query.ts'
import { remoteAddress } from '../access/remote-address.ts'
import type { ShownProblem } from '../request/shown-problem.ts'

/** A change that was made, or would be. */
export interface Committed {
  readonly revision: number
  readonly items: readonly Item[]
  readonly changes: readonly ResourceDifference[]
  readonly dryRun: boolean
}

type Conflict = Extract<WriteResult, { conflict: unknown }>

export interface CommitOptions {
  readonly force?: boolean
  /** JSON Pointer of the one resource that was sent: paths of problems are relative to it. */
  readonly within?: string
}

const MAX_COMMENT_LENGTH = 256

/** Writes resources; what is wrong with them is thrown as an AdminError. */
export const commit = (
  c: AdminContext,
  options: AdminOptions,
  changes: readonly DocumentChange[],
  { force = false, within = '' }: CommitOptions,
): Promise<Committed | Conflict> =>
  commitWith(c, options, within, (write) => options.control.write(changes, { ...write, force }))

/** The same for any way of writing. Each try is a line of the audit log. */
export async function commitWith(
  c: AdminContext,
  options: AdminOptions,
  within: string,
  write: (options: WriteOptions) => Promise<WriteResult>,
  placed?: (problems: readonly ConfigProblem[]) => ShownProblem[],
): Promise<Committed | Conflict> {
  const dryRun = flag(c, 'dry_run')
  refuseOtherRevision(c, options)
  const result = await writeOrExplain(c, options, write, dryRun)
  options.audit(auditEntry(c, options.plugins, result, dryRun))
  if ('problems' in result) throw placed ? refusedFor(placed(result.problems)) : invalid(result.problems, within)
  return 'conflict' in result ? result : { ...result, dryRun }
}

/** `?if_revision=42`: a change that was looked at is made of what was looked at, or not at all. */
function refuseOtherRevision(c: AdminContext, { control }: AdminOptions): void {
  const expected = wholeNumber(c, 'if_revision', { min: 0 })
  if (expected === undefined || expected === control.revision) return
  const message = `the configuration is at revision ${control.revision}, not at ${expected} any more: somebody else changed it; look at GET history, and try again`
  throw new AdminError(412, message)
}

async function writeOrExplain(
  c: AdminContext,
  options: AdminOptions,
  write: (options: WriteOptions) => Promise<WriteResult>,
  dryRun: boolean,
): Promise<WriteResult> {
  const comment = c.req.query('comment')?.slice(0, MAX_COMMENT_LENGTH)
  const author = { who: c.get('key').name, from: remoteAddress(c), ...(comment === undefined ? {} : { comment }) }
  try {
    return await withDeadline(write({ author, dryRun }))
  } catch (err) {
    if (err instanceof AdminError) throw err
    options.logger.error({ err }, 'a change by the Admin API could not be written')
    throw new AdminError(503, `the change could not be stored: ${err instanceof Error ? err.message : String(err)}`)
  }
}

/** 405 where the configuration comes from a file. */
export function refuseReadOnly({ readOnly }: AdminOptions): void {
  if (readOnly !== undefined) throw new AdminError(405, readOnly, { headers: { allow: 'GET, HEAD' } })
}

/** `?if_revision=7`: 412 when the configuration is at another one. Whether there was such a condition. */
export function requireRevision(c: AdminContext, { revision }: ControlPlane): boolean {
  const expected = wholeNumber(c, 'if_revision', { min: 0 })
  if (expected === undefined || expected === revision) return expected !== undefined
  const message = `the configuration is at revision ${revision}, not ${expected}: somebody changed it; look again, and repeat`
  throw new AdminError(412, message)
}
