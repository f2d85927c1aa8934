import { StateError } from './state-error.ts'
import type { StateCondition, StateWrite } from './state-store.ts'

/** A name of 64 characters, an alias or number, and the folder they are in fit several times. */
export const MAX_KEY_BYTES = 512

/** An event of 1 MiB as base64, and what is known about it. etcd takes 1.5 MiB unless it is told otherwise. */
export const MAX_VALUE_BYTES = 2 * 1024 * 1024

/** etcd takes 128 operations in one transaction unless it is told otherwise. */
export const MAX_COMMIT_WRITES = 100

/** What every store asks of a commit before it touches anything. Throws StateError. */
export function checkCommit(writes: readonly StateWrite[], conditions: readonly StateCondition[]): void {
  if (writes.length > MAX_COMMIT_WRITES)
    throw new StateError(`a commit of ${writes.length} records: at most ${MAX_COMMIT_WRITES} at once`)
  const seen = new Set<string>()
  for (const { key, value } of writes) {
    checkKey(key)
    if (seen.has(key)) throw new StateError(`${key} is written twice in one commit`)
    seen.add(key)
    if (value !== undefined && Buffer.byteLength(value) > MAX_VALUE_BYTES)
      throw new StateError(`${key} has ${Buffer.byteLength(value)} bytes: at most ${MAX_VALUE_BYTES} for one record`)
  }
  for (const { key } of conditions) checkKey(key)
}

function checkKey(key: string): void {
  // NUL ends keys in LMDB.
  if (key === '' || key.includes('\0') || Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw new StateError(`${JSON.stringify(key.slice(0, 80))} is no key: 1 to ${MAX_KEY_BYTES} bytes without NUL`)
}
