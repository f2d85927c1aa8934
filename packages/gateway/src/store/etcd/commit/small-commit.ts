import type { Author, CommitResult, Condition, DocumentKey, StoredDocument, Write } from '../../backend/backend.ts'
import { StoreError } from '../../backend/store-error.ts'
import { isEtcdFailure } from '../client/etcd-error.ts'
import { documentIn } from '../documents.ts'
import { newEntryName } from '../history/entry-name.ts'
import { encodeRecord } from '../history/record.ts'
import type { Compare, Operation } from '../messages/messages.ts'
import { bytesOf, MAX_OPERATIONS, MAX_REQUEST_BYTES } from './batches.ts'
import { type CommitContext, noLargeCommit, pauseBeforeRetry } from './commit-context.ts'
import { changesOf, findConflict, operationOf } from './draft.ts'
import { recoverLargeCommit } from './large-commit.ts'

/** Keys that one transaction can compare, beside lock, marker and entry. */
export const MAX_SMALL_KEYS = MAX_OPERATIONS - 8

const LOST =
  'etcd did not answer in time, and it is not known whether the change was written: read before you write again'
const BUSY = 'etcd is being written by others all the time, or by a large change: try again'

/**
 * Reads what is there, and writes what is new with its history if nothing has changed since: one transaction, one revision. It is
 * carried out once, even when an answer is lost: the entry of the history is written with it and tells.
 * @returns undefined: too many bytes for one request
 */
export async function commitSmall(
  context: CommitContext,
  writes: readonly Write[],
  conditions: readonly Condition[],
  author: Author,
  leases: ReadonlyMap<number, bigint>,
): Promise<CommitResult | undefined> {
  const { client, layout } = context
  const time = Date.now()
  const entryKey = layout.history.key + newEntryName(time)
  const keys = [...new Set([...writes.map(({ key }) => key), ...conditions.map(({ key }) => key)])]
  const entryIsNew: Compare = { key: entryKey, is: 'equal', createRevision: 0 }
  let sent = false
  for (;;) {
    const { documents, done, blocked, revision } = await read(context, keys, entryKey).catch((error: unknown) => {
      if (sent && isEtcdFailure(error, 'unreachable')) throw new StoreError(LOST, { cause: error })
      throw error
    })
    if (done !== undefined) return { revision: done }
    if (blocked) {
      await recoverLargeCommit(context)
      await pauseBeforeRetry(context.deadline, BUSY)
      continue
    }
    const conflict = findConflict(conditions, documents)
    if (conflict !== undefined) return { conflict }
    const changes = changesOf(writes, documents, leases)
    if (changes.length === 0) return { revision }
    const entry: Operation = { put: { key: entryKey, value: await encodeRecord({ time, author, changes }) } }
    const operations = [...changes.map((change) => operationOf(layout, change)), entry]
    if (operations.reduce((sum, operation) => sum + bytesOf(operation), 0) > MAX_REQUEST_BYTES) return undefined
    const unchanged = keys.map((key): Compare => {
      return { key: layout.keyOf(key), is: 'equal', modRevision: documents.get(key)?.revision ?? 0 }
    })
    try {
      const compare = [...unchanged, entryIsNew, ...noLargeCommit(layout)]
      const { succeeded, header } = await client.transaction({ compare, operations }, { again: false })
      if (succeeded) return { revision: header.revision }
    } catch (error) {
      if (!isEtcdFailure(error, 'unreachable')) throw error
      sent = true
    }
    await pauseBeforeRetry(context.deadline, sent ? LOST : BUSY)
  }
}

interface Found {
  readonly documents: ReadonlyMap<DocumentKey, StoredDocument>
  /** The commit was carried out in this revision. */
  readonly done: number | undefined
  /** A large commit is going on. */
  readonly blocked: boolean
  readonly revision: number
}

async function read({ client, layout }: CommitContext, keys: readonly DocumentKey[], entryKey: string): Promise<Found> {
  const names = [entryKey, layout.lock, layout.marker, ...keys.map((key) => layout.keyOf(key))]
  const { ranges, header } = await client.transaction({ operations: names.map((key) => ({ range: { key } })) })
  const [entry, lock, marker, ...found] = ranges.map((range) => range?.kvs[0])
  const documents = new Map<DocumentKey, StoredDocument>()
  for (const kv of found) {
    const document = kv && documentIn(layout, kv)
    if (document !== undefined) documents.set(document.key, document)
  }
  const blocked = lock !== undefined || marker !== undefined
  return { documents, done: entry?.modRevision, blocked, revision: header.revision }
}
