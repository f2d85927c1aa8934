import type { ClusterTable } from '../clusters/cluster-table.ts'
import type { Draft } from '../output/draft.ts'
import type { Ids } from '../../output/ids.ts'
import type { SettingsDraft } from '../output/settings-draft.ts'
import type { Secrets } from '../tls/secrets.ts'
import type { Report } from '../../report/report.ts'

/** What the readers of the parts of a file share. */
export interface ImportContext {
  readonly report: Report
  readonly draft: Draft
  readonly settings: SettingsDraft
  readonly clusters: ClusterTable
  readonly secrets: Secrets
  readonly upstreamIds: Ids
  readonly sslIds: Ids
  /** Filters that let only some requests through, and are not in the result: whoever uses it must know. */
  readonly lostGuards: Set<string>
}
