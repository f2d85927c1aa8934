import type { HistoryEntry } from '../../backend/backend.ts'
import type { EtcdClient } from '../client/etcd-client.ts'
import type { Layout } from '../layout.ts'
import type { KeyValue } from '../messages/messages.ts'
import { readSpan } from '../read-span.ts'
import { foreignRevisionOf } from './entry-name.ts'
import { readParts } from './parts.ts'
import { decodeRecord, type HistoryRecord, isParted } from './record.ts'

/** An entry that is there, not read yet. */
export interface ListedEntry {
  /** Of the change that it is about. */
  readonly revision: number
  readonly name: string
}

/** Read side by side. */
const ENTRIES_AT_ONCE = 16

/** All entries, the newest first, one for each revision. */
export async function listEntries(client: EtcdClient, layout: Layout): Promise<ListedEntry[]> {
  const { kvs } = await readSpan(client, layout.history, { keysOnly: true })
  const entries = kvs.map((kv) => listed(layout, kv)).toSorted((a, b) => b.revision - a.revision)
  // A commit that a node with a wrong clock took for somebody else's has two: the names of commits sort before those.
  return entries.filter((entry, at) => at === 0 || entries[at - 1]?.revision !== entry.revision)
}

function listed(layout: Layout, kv: KeyValue): ListedEntry {
  const name = kv.key.slice(layout.history.key.length)
  return { name, revision: foreignRevisionOf(name) ?? kv.modRevision }
}

/** Entries in the order of the list; what was deleted in the meantime or cannot be read is left out. */
export async function readEntries(
  client: EtcdClient,
  layout: Layout,
  entries: readonly ListedEntry[],
): Promise<{ readonly revision: number; readonly record: HistoryRecord }[]> {
  const read: { readonly revision: number; readonly record: HistoryRecord }[] = []
  for (let at = 0; at < entries.length; at += ENTRIES_AT_ONCE) {
    const some = entries.slice(at, at + ENTRIES_AT_ONCE)
    const records = await Promise.all(some.map(({ name }) => readRecord(client, layout, name)))
    for (const [index, record] of records.entries())
      if (record !== undefined) read.push({ revision: (some[index] as ListedEntry).revision, record })
  }
  return read
}

async function readRecord(client: EtcdClient, layout: Layout, name: string): Promise<HistoryRecord | undefined> {
  const { kvs } = await client.range({ key: layout.history.key + name })
  const record = kvs[0] && (await decodeRecord(kvs[0].value))
  return isParted(record) ? readParts(client, layout, name, record.parts) : record
}

export function asHistoryEntry(revision: number, { time, author, changes }: HistoryRecord): HistoryEntry {
  return {
    revision,
    time,
    author,
    changes: changes.map(({ key, before, after }) => ({ key, before, after })),
  }
}
