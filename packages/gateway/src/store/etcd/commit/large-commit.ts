import type { Author, CommitResult, Condition, Write } from '../../backend/backend.ts'
import { StoreError } from '../../backend/store-error.ts'
import { EtcdError } from '../client/etcd-error.ts'
import { readDocuments, textOf } from '../documents.ts'
import { newEntryName } from '../history/entry-name.ts'
import { readParts, writeParts } from '../history/parts.ts'
import { encodeRecord, type HistoryRecord } from '../history/record.ts'
import type { Compare, Operation } from '../messages/messages.ts'
import { bytesOf, cutIntoBatches, MAX_BATCH, MAX_REQUEST_BYTES, nest } from './batches.ts'
import { type CommitContext, noLargeCommit, pauseBeforeRetry } from './commit-context.ts'
import { changesOf, findConflict, operationOf } from './draft.ts'

/**
 * How long a large commit may be prepared. When the node dies meanwhile, others wait so long before they write; when it dies later,
 * others wait so long before they carry on.
 */
export const LOCK_SECONDS = 15
/** Attempts to prepare a commit while somebody who knows no lock goes on writing. */
const ATTEMPTS = 5

const LATER = 'the change is written down in etcd, and may be completed later by any node'
const BUSY = 'another large change is being written to etcd: try again'
const SLOW = `a large change could not be prepared in ${LOCK_SECONDS} s: try again, or send it in parts`
const DISTURBED = 'others went on writing to etcd while a large change was prepared: try again'

/**
 * A commit that has more documents than one transaction can compare, or more bytes than one request can carry.
 *
 * 1. The lock: from here no gateway writes documents, so that comparing need not be part of the transaction.
 * 2. What is there is read, conditions are checked.
 * 3. If all fits into one transaction, that is it. Otherwise the whole change is written down as an entry of the history, in parts.
 * 4. The marker among the documents: from here the change holds. Gateways keep back what they see until the marker is gone, and a
 *    snapshot is that of the revision before.
 * 5. All is copied into place in batches, and with the last one the marker goes and the entry appears. Whoever finds a marker
 *    whose lock has run out carries on: it takes nothing but the parts.
 */
export async function commitLarge(
  context: CommitContext,
  writes: readonly Write[],
  conditions: readonly Condition[],
  author: Author,
  leases: ReadonlyMap<number, bigint>,
): Promise<CommitResult> {
  const { client, layout } = context
  const time = Date.now()
  const owner = newEntryName(time)
  await lock(context, owner)
  try {
    for (let attempt = 1; ; attempt++) {
      const { documents, revision } = (await readDocuments(client, layout)).snapshot
      const conflict = findConflict(conditions, documents)
      if (conflict !== undefined) return { conflict }
      const changes = changesOf(writes, documents, leases)
      if (changes.length === 0) return { revision }
      const record: HistoryRecord = { time, author, changes }
      const unchanged: Compare = { ...layout.documents, is: 'less', modRevision: revision + 1 }
      const done = await write(context, newEntryName(time), record, [ownLock(context, owner), unchanged])
      if (done !== undefined) return { revision: done }
      if (attempt === ATTEMPTS) throw new StoreError(DISTURBED)
      if ((await lockOwner(context)) !== owner) throw new StoreError(SLOW)
    }
  } finally {
    await unlock(context, owner)
  }
}

/** @returns the revision; undefined: a comparison did not hold, and nothing was written that counts */
async function write(
  context: CommitContext,
  name: string,
  record: HistoryRecord,
  compare: readonly Compare[],
): Promise<number | undefined> {
  const { client, layout } = context
  const encoded = await encodeRecord(record)
  const operations = record.changes.map((change) => operationOf(layout, change))
  const entry: Operation = { put: { key: layout.history.key + name, value: encoded } }
  const bytes = operations.reduce((sum, operation) => sum + bytesOf(operation), bytesOf(entry))
  if (operations.length <= MAX_BATCH && bytes <= MAX_REQUEST_BYTES) {
    return once(context, name, compare, [...nest(operations), entry])
  }
  const parts = await writeParts(client, layout, name, encoded)
  const marker: Operation = { put: { key: layout.marker, value: Buffer.from(JSON.stringify({ name, parts })) } }
  try {
    const { succeeded, header } = await client.transaction({ compare, operations: [marker] })
    if (succeeded) return await copyIntoPlace(context, { name, parts }, header.revision, operations)
    // An answer that was lost: the transaction was sent again, and the marker is there already.
    const found = await findMarker(context)
    return found?.name === name ? await copyIntoPlace(context, found, found.modRevision, operations) : undefined
  } catch (error) {
    throw new StoreError(`${LATER}: ${(error as Error).message}`, { cause: error })
  }
}

/** Sends a transaction that writes the entry; when it was carried out before, because an answer was lost, the entry is there. */
async function once(
  { client, layout }: CommitContext,
  name: string,
  compare: readonly Compare[],
  operations: readonly Operation[],
): Promise<number | undefined> {
  const key = layout.history.key + name
  const isNew: Compare = { key, is: 'equal', createRevision: 0 }
  const { succeeded, header } = await client.transaction({ compare: [...compare, isNew], operations }, { bulk: true })
  if (succeeded) return header.revision
  return (await client.range({ key, keysOnly: true })).kvs[0]?.modRevision
}

interface Marker {
  readonly name: string
  readonly parts: number
}

/** Puts everything where it belongs. Any number of nodes may do so at once: they write the same. */
async function copyIntoPlace(
  context: CommitContext,
  { name, parts }: Marker,
  markerRevision: number,
  operations: readonly Operation[],
): Promise<number | undefined> {
  const { client, layout } = context
  const goingOn: Compare = { key: layout.marker, is: 'equal', modRevision: markerRevision }
  const batches = cutIntoBatches(operations)
  const last = batches.pop() ?? []
  for (const batch of batches) {
    await withoutLostLeases(batch, (some) =>
      client.transaction({ compare: [goingOn], operations: nest(some) }, { bulk: true }),
    )
  }
  const entry = { put: { key: layout.history.key + name, value: Buffer.from(JSON.stringify({ parts })) } }
  const finish: Operation[] = [{ delete: { key: layout.marker } }, { delete: { key: layout.lock } }, entry]
  return withoutLostLeases(last, (some) => once(context, name, [goingOn], [...nest(some), ...finish]))
}

/** A time to live may be over before its document is in place: then it is not put there. */
async function withoutLostLeases<T>(
  batch: readonly Operation[],
  send: (batch: readonly Operation[]) => Promise<T>,
): Promise<T> {
  return send(batch).catch((error: unknown) => {
    if (!(error instanceof EtcdError) || !error.message.includes('lease not found')) throw error
    const leased = (operation: Operation): boolean => 'put' in operation && operation.put.lease !== undefined
    return send(batch.map((some) => ('put' in some && leased(some) ? { delete: { key: some.put.key } } : some)))
  })
}

/** Carries on with a large commit whose node has gone; returns at once when there is none, or its lock still holds. */
export async function recoverLargeCommit(context: CommitContext): Promise<void> {
  const { client, layout, onProblem } = context
  const marker = await findMarker(context)
  if (marker === undefined || marker.locked) return
  const goingOn: Compare = { key: layout.marker, is: 'equal', modRevision: marker.modRevision }
  const free: Compare = { key: layout.lock, is: 'equal', createRevision: 0 }
  const lease = await client.grantLease(LOCK_SECONDS)
  const put: Operation = { put: { key: layout.lock, value: Buffer.from(newEntryName(Date.now())), lease } }
  const { succeeded } = await client.transaction({ compare: [goingOn, free], operations: [put] })
  if (!succeeded) return
  const record = await readParts(client, layout, marker.name, marker.parts)
  if (record === undefined) {
    onProblem(new StoreError(`a large change in etcd (${marker.name}) cannot be completed: parts of it are missing`))
    const operations: Operation[] = [{ delete: { key: layout.marker } }, { delete: { key: layout.lock } }]
    await client.transaction({ compare: [goingOn], operations })
    return
  }
  const operations = record.changes.map((change) => operationOf(layout, change))
  await copyIntoPlace(context, marker, marker.modRevision, operations)
}

async function findMarker({
  client,
  layout,
}: CommitContext): Promise<(Marker & { readonly modRevision: number; readonly locked: boolean }) | undefined> {
  const keys = [layout.marker, layout.lock]
  const { ranges } = await client.transaction({ operations: keys.map((key) => ({ range: { key } })) })
  const [marker, locked] = ranges.map((range) => range?.kvs[0])
  if (marker === undefined) return undefined
  const { name, parts } = parseMarker(textOf(marker.value))
  return { name, parts, modRevision: marker.modRevision, locked: locked !== undefined }
}

/** One that somebody else wrote has no parts, and is removed. */
function parseMarker(text: string): Marker {
  try {
    const { name, parts } = JSON.parse(text) as { readonly name?: unknown; readonly parts?: unknown }
    if (typeof name === 'string' && typeof parts === 'number') return { name, parts }
  } catch {
    // Falls through.
  }
  return { name: 'unknown', parts: -1 }
}

async function lock(context: CommitContext, owner: string): Promise<void> {
  const { client, layout } = context
  for (;;) {
    if ((await lockOwner(context)) === undefined) {
      const lease = await client.grantLease(LOCK_SECONDS)
      const put: Operation = { put: { key: layout.lock, value: Buffer.from(owner), lease } }
      const { succeeded } = await client.transaction({ compare: noLargeCommit(layout), operations: [put] })
      // Not so, and yet ours: an answer was lost.
      if (succeeded || (await lockOwner(context)) === owner) return
      await client.revokeLease(lease).catch(() => undefined)
    }
    await recoverLargeCommit(context)
    await pauseBeforeRetry(context.deadline, BUSY)
  }
}

async function lockOwner({ client, layout }: CommitContext): Promise<string | undefined> {
  const { kvs } = await client.range({ key: layout.lock })
  return kvs[0] && textOf(kvs[0].value)
}

/** Best effort: what is left runs out. The lock of a commit whose marker stands goes with the marker. */
async function unlock(context: CommitContext, owner: string): Promise<void> {
  const { client, layout } = context
  const noMarker: Compare = { key: layout.marker, is: 'equal', createRevision: 0 }
  const compare = [ownLock(context, owner), noMarker]
  await client.transaction({ compare, operations: [{ delete: { key: layout.lock } }] }).catch(() => undefined)
}

const ownLock = ({ layout }: CommitContext, owner: string): Compare => {
  return { key: layout.lock, is: 'equal', value: Buffer.from(owner) }
}
