import type { SourceRecord } from './poller.ts'

/**
 * Which records of a batch failed, as a function with ReportBatchItemFailures says it: `{"batchItemFailures":[{"itemIdentifier":"…"}]}`. Nothing, null
 * and an empty list are a success; an identifier that is no record's makes the whole batch fail, as on AWS.
 * @returns indices, ascending; undefined: all of them
 */
export function failedItems(payload: Buffer, records: readonly SourceRecord[]): readonly number[] | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(payload.toString())
  } catch {
    return undefined
  }
  if (typeof answer !== 'object' || answer === null) return []
  const { batchItemFailures: failures } = answer as { batchItemFailures?: unknown }
  if (failures === undefined || failures === null) return []
  if (!Array.isArray(failures)) return undefined
  const indices = new Set<number>()
  for (const failure of failures as unknown[]) {
    const id = identifierOf(failure)
    const index = id === undefined ? -1 : records.findIndex((record) => record.id === id)
    if (index < 0) return undefined
    indices.add(index)
  }
  return [...indices].sort((a, b) => a - b)
}

/** A text; of Kafka also an object with the offset, since a batch has records of one partition only. */
function identifierOf(failure: unknown): string | undefined {
  const id = (failure as { itemIdentifier?: unknown } | null)?.itemIdentifier
  if (typeof id === 'string') return id
  const offset = (id as { offset?: unknown } | null)?.offset
  return typeof offset === 'number' || typeof offset === 'string' ? String(offset) : undefined
}
