import { describe, expect, test } from 'vitest'
import type { Operation } from '../messages/messages.ts'
import { bytesOf, cutIntoBatches, MAX_BATCH, MAX_OPERATIONS, MAX_REQUEST_BYTES, nest } from './batches.ts'

const puts = (count: number, bytes = 1): Operation[] =>
  Array.from({ length: count }, (_, at) => ({ put: { key: `k${at}`, value: new Uint8Array(bytes) } }))

describe('batches', () => {
  test('have no more than a transaction may hold, in operations and in bytes, and keep the order', () => {
    const operations = [...puts(10_000), ...puts(20, 200_000)]
    const batches = cutIntoBatches(operations)
    expect(batches.flat()).toEqual(operations)
    for (const batch of batches) {
      expect(batch.length).toBeLessThanOrEqual(MAX_BATCH)
      expect(batch.reduce((sum, operation) => sum + bytesOf(operation), 0)).toBeLessThanOrEqual(MAX_REQUEST_BYTES)
    }
    expect(cutIntoBatches([])).toEqual([])
  })

  test('one that is too large for any is alone: etcd will say so', () => {
    expect(cutIntoBatches([...puts(1), ...puts(1, 2_000_000), ...puts(1)]).map(({ length }) => length)).toEqual([
      1, 1, 1,
    ])
  })
})

describe('transactions in a transaction', () => {
  test('are as many as all levels may have together, with four operations beside', () => {
    for (const count of [1, 63, 64, 65, 1_000, MAX_BATCH]) {
      const operations = nest(puts(count))
      const inner = Math.max(
        0,
        ...operations.map((one) => ('transaction' in one ? one.transaction.operations.length : 0)),
      )
      expect(operations.length + 4 + inner).toBeLessThanOrEqual(MAX_OPERATIONS)
      const flat = operations.flatMap((one) => ('transaction' in one ? one.transaction.operations : [one]))
      expect(flat).toEqual(puts(count))
    }
  })
})
