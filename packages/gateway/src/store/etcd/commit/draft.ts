import type { Condition, DocumentKey, StoredDocument, Write } from '../../backend/backend.ts'
import { type RecordedChange, recordedChange } from '../history/record.ts'
import type { Layout } from '../layout.ts'
import type { Operation } from '../messages/messages.ts'

const encoder = new TextEncoder()

/** The document whose condition does not hold; undefined: all hold. */
export function findConflict(
  conditions: readonly Condition[],
  documents: ReadonlyMap<DocumentKey, StoredDocument>,
): DocumentKey | undefined {
  return conditions.find(({ key, revision }) => (documents.get(key)?.revision ?? 0) !== revision)?.key
}

/** What the writes change, given what is there. Deleting what is not there is no change. */
export function changesOf(
  writes: readonly Write[],
  documents: ReadonlyMap<DocumentKey, StoredDocument>,
  leases: ReadonlyMap<number, bigint>,
): RecordedChange[] {
  const changes: RecordedChange[] = []
  for (const { key, value, ttlSeconds } of writes) {
    const before = documents.get(key)
    if (before === undefined && value === undefined) continue
    const lease = ttlSeconds === undefined ? undefined : leases.get(ttlSeconds)
    const change = recordedChange(key, before, value)
    changes.push(lease === undefined ? change : { ...change, lease: String(lease) })
  }
  return changes
}

/** The operation that makes a change. */
export function operationOf(layout: Layout, { key, after, lease }: RecordedChange): Operation {
  const name = layout.keyOf(key)
  if (after === undefined) return { delete: { key: name } }
  return { put: { key: name, value: encoder.encode(after), ...(lease !== undefined && { lease: BigInt(lease) }) } }
}
