import type { Operation } from '../messages/messages.ts'

/** etcd's `--max-txn-ops`: what one transaction may have of comparisons, and of operations. */
export const MAX_OPERATIONS = 128
/** etcd's `--max-request-bytes` is 1.5 MiB by default; the rest is for what is around keys and values. */
export const MAX_REQUEST_BYTES = 1.4 * 1024 * 1024
/**
 * A transaction may hold transactions, and all are one revision; together the levels may have 128 operations, so that
 * 64 of 64 each are the most that two levels can carry.
 */
const HALF = MAX_OPERATIONS / 2
/** Four of the outer 64 are left for what goes along: an entry of the history, marker and lock. */
export const MAX_BATCH = HALF * (HALF - 4)

/** What an operation weighs in a request, about. */
export function bytesOf(operation: Operation): number {
  if ('put' in operation) return operation.put.key.length + operation.put.value.length + 32
  if ('delete' in operation) return operation.delete.key.length + 16
  return 64
}

/** Cuts operations into batches that fit into one transaction each, in order. One that is too large for any is alone. */
export function cutIntoBatches(operations: readonly Operation[]): Operation[][] {
  const batches: Operation[][] = []
  let batch: Operation[] = []
  let bytes = 0
  for (const operation of operations) {
    const more = bytesOf(operation)
    if (batch.length > 0 && (batch.length === MAX_BATCH || bytes + more > MAX_REQUEST_BYTES)) {
      batches.push(batch)
      batch = []
      bytes = 0
    }
    batch.push(operation)
    bytes += more
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

/** Operations as one level where they fit, as two where they do not. At most MAX_BATCH. */
export function nest(operations: readonly Operation[]): Operation[] {
  if (operations.length < HALF) return [...operations]
  const groups: Operation[] = []
  for (let at = 0; at < operations.length; at += HALF)
    groups.push({ transaction: { operations: operations.slice(at, at + HALF) } })
  return groups
}
