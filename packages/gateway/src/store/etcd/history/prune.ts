import { nest, MAX_BATCH } from '../commit/batches.ts'
import type { EtcdClient } from '../client/etcd-client.ts'
import type { Layout } from '../layout.ts'
import type { Operation } from '../messages/messages.ts'
import { readSpan } from '../read-span.ts'
import { listEntries } from './entries.ts'
import { timeOf } from './entry-name.ts'

/** What is older than any of these goes. The newest entry always stays. */
export interface EtcdHistoryLimits {
  readonly entries: number
  readonly ageMs: number
}

/** etcd keeps its index in memory, and 2 GB in all by default. */
export const ETCD_HISTORY_LIMITS: EtcdHistoryLimits = { entries: 1_000, ageMs: 90 * 24 * 60 * 60 * 1_000 }

/** Parts without an entry are of a commit that is being written, or of one that was given up. */
const ABANDONED_MS = 60 * 60 * 1_000

/** Removes what is beyond the limits, and parts that nobody will finish. */
export async function pruneHistory(client: EtcdClient, layout: Layout, limits: EtcdHistoryLimits): Promise<void> {
  const now = Date.now()
  const entries = await listEntries(client, layout)
  const tooOld = entries.find(({ name }) => (timeOf(name) ?? now) < now - limits.ageMs)?.revision ?? 0
  const gone = entries.filter(({ revision }, at) => at > 0 && (at >= limits.entries || revision <= tooOld))
  const kept = new Set(entries.map(({ name }) => name))
  for (const { name } of gone) kept.delete(name)

  const operations: Operation[] = gone.map(({ name }) => ({ delete: { key: layout.history.key + name } }))
  const parts = await readSpan(client, layout.parts, { keysOnly: true })
  for (const { key } of parts.kvs) {
    const name = key.slice(layout.parts.key.length).split('/', 1)[0] as string
    const abandoned = (timeOf(name) ?? 0) < now - ABANDONED_MS
    if (!kept.has(name) && (abandoned || gone.some((entry) => entry.name === name)))
      operations.push({ delete: { key } })
  }
  for (let at = 0; at < operations.length; at += MAX_BATCH)
    await client.transaction({ operations: nest(operations.slice(at, at + MAX_BATCH)) })
}
