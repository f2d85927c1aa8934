import type { EtcdClient } from '../client/etcd-client.ts'
import { type Layout, spanOf } from '../layout.ts'
import { readSpan } from '../read-span.ts'
import { decodeRecord, type HistoryRecord, isParted } from './record.ts'

/** Two thirds of what etcd takes in one request by default. */
export const PART_BYTES = 1024 * 1024
const DIGITS = 4

/** Writes an encoded record in parts. Nothing refers to them yet. */
export async function writeParts(
  client: EtcdClient,
  layout: Layout,
  name: string,
  encoded: Uint8Array,
): Promise<number> {
  const count = Math.ceil(encoded.length / PART_BYTES)
  for (let at = 0; at < count; at++) {
    const value = encoded.subarray(at * PART_BYTES, (at + 1) * PART_BYTES)
    const key = `${layout.parts.key}${name}/${String(at).padStart(DIGITS, '0')}`
    await client.transaction({ operations: [{ put: { key, value } }] })
  }
  return count
}

/** The record in parts; undefined when some are missing. */
export async function readParts(
  client: EtcdClient,
  layout: Layout,
  name: string,
  count: number,
): Promise<HistoryRecord | undefined> {
  const { kvs } = await readSpan(client, spanOf(`${layout.parts.key}${name}/`))
  if (kvs.length !== count) return undefined
  const record = await decodeRecord(Buffer.concat(kvs.map(({ value }) => value)))
  return isParted(record) ? undefined : record
}
