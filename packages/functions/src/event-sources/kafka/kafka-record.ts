import type { SourceRecord } from '../poller.ts'
import type { SourceAddress } from '../source-address.ts'

export interface KafkaMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** Milliseconds since 1970. */
  readonly timestamp: bigint
  readonly key: Buffer | undefined
  readonly value: Buffer | undefined
  readonly headers: ReadonlyMap<Buffer, Buffer | undefined>
}

export type KafkaRecord = SourceRecord

/** Names of members, numbers, quotes. */
const RECORD_BYTES = 200

/** A record as AWS has it: key and value in base64, headers as lists of signed bytes. */
export function kafkaRecord({ topic, partition, offset, timestamp, key, value, headers }: KafkaMessage): KafkaRecord {
  let bytes = RECORD_BYTES + (((key?.length ?? 0) + (value?.length ?? 0)) * 4) / 3
  const list: Record<string, number[]>[] = []
  for (const [name, content] of headers) {
    list.push({ [name.toString()]: [...new Int8Array(content ?? [])] })
    bytes += name.length + (content?.length ?? 0) * 5
  }
  return {
    lane: `${topic}-${partition}`,
    id: String(offset),
    event: {
      topic,
      partition,
      offset: Number(offset),
      timestamp: Number(timestamp),
      timestampType: 'CREATE_TIME',
      // Absent is what AWS leaves out.
      ...(key === undefined || key === null ? {} : { key: key.toString('base64') }),
      ...(value === undefined || value === null ? {} : { value: value.toString('base64') }),
      headers: list,
    },
    contents: { key: key?.toString(), value: value?.toString() },
    bytes,
    at: Number(timestamp),
    deliveries: 0,
  }
}

/** Batches have records of one partition only. */
export function kafkaEvent(records: readonly SourceRecord[], { arn, selfManaged, urls }: SourceAddress): object {
  const byLane: Record<string, object[]> = {}
  for (const { lane, event } of records) (byLane[lane] ??= []).push(event)
  return {
    eventSource: selfManaged ? 'SelfManagedKafka' : 'aws:kafka',
    ...(selfManaged ? {} : { eventSourceArn: arn }),
    bootstrapServers: urls.map(({ host }) => host).join(','),
    records: byLane,
  }
}
