import { createHash } from 'node:crypto'
import type { SourceRecord } from './poller.ts'

/** A message of a source that has no event of its own at AWS: it comes as SQS's do, so that existing handlers read it. */
export interface QueueMessage {
  readonly id: string
  /** Names the delivery; kept for handlers that print it. */
  readonly receipt: string
  readonly body: string
  readonly attributes: Readonly<Record<string, string>>
  readonly sentAt: number
  readonly receivedAt: number
  /** 1 the first time. */
  readonly receiveCount: number
}

/** Besides the body: names, dates, a checksum. */
const RECORD_BYTES = 700

export function sqsRecord(message: QueueMessage, arn: string, region: string): SourceRecord {
  const { id, receipt, body, attributes, sentAt, receivedAt, receiveCount } = message
  const messageAttributes: Record<string, object> = {}
  let bytes = RECORD_BYTES + body.length
  for (const [name, stringValue] of Object.entries(attributes)) {
    messageAttributes[name] = { stringValue, stringListValues: [], binaryListValues: [], dataType: 'String' }
    bytes += name.length + stringValue.length + 90
  }
  return {
    lane: '',
    id,
    event: {
      messageId: id,
      receiptHandle: receipt,
      body,
      attributes: {
        ApproximateReceiveCount: String(receiveCount),
        SentTimestamp: String(sentAt),
        SenderId: 'sekisho',
        ApproximateFirstReceiveTimestamp: String(receivedAt),
      },
      messageAttributes,
      md5OfBody: createHash('md5').update(body).digest('hex'),
      eventSource: 'aws:sqs',
      eventSourceARN: arn,
      awsRegion: region,
    },
    contents: { body },
    bytes,
    at: sentAt,
    deliveries: receiveCount - 1,
  }
}

export const sqsEvent = (records: readonly SourceRecord[]): object => ({ Records: records.map(({ event }) => event) })
