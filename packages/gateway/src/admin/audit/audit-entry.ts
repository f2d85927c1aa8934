import { shortPath } from '../../config/problem.ts'
import type { PluginLookup } from '../../config/plugin-lookup.ts'
import type { WriteResult } from '../../control/control-plane.ts'
import { remoteAddress } from '../access/remote-address.ts'
import type { AdminContext } from '../admin-options.ts'
import { shownDifferences } from '../changes/shown-differences.ts'

/** One try to change something. */
export interface AuditEntry {
  /** ISO 8601. */
  readonly time: string
  /** Name of the key. */
  readonly who: string
  readonly from: string
  readonly method: string
  readonly path: string
  readonly outcome: 'done' | 'dry-run' | 'refused' | 'conflict'
  readonly revision?: number
  /** Secrets are masked. */
  readonly changes?: readonly object[]
  /** How many changes are not shown. */
  readonly more?: number
  readonly problems?: readonly string[]
}

/** What one line holds at most: a transaction may change 50,000 resources. */
const MAX_CHANGES = 100
const MAX_PROBLEMS = 10

export function auditEntry(c: AdminContext, plugins: PluginLookup, result: WriteResult, dryRun: boolean): AuditEntry {
  const request = {
    time: new Date().toISOString(),
    who: c.get('key').name,
    from: remoteAddress(c),
    method: c.req.method,
    path: c.req.path,
  }
  if ('problems' in result) {
    const problems = result.problems.slice(0, MAX_PROBLEMS).map(({ path, message }) => `${shortPath(path)}: ${message}`)
    return { ...request, outcome: 'refused', problems }
  }
  if ('conflict' in result) return { ...request, outcome: 'conflict', problems: [result.conflict] }
  const { changes, revision } = result
  const more = changes.length - MAX_CHANGES
  return {
    ...request,
    outcome: dryRun ? 'dry-run' : 'done',
    revision,
    changes: shownDifferences(changes.slice(0, MAX_CHANGES), plugins),
    ...(more > 0 ? { more } : {}),
  }
}
