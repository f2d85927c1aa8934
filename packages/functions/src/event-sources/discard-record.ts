import type { Discarded } from './batch-runner.ts'
import type { SourceAddress } from './source-address.ts'

/** The record that an OnFailure destination gets for a batch that was given up: AWS's for streams, with the records themselves. */
export function discardRecord(
  { condition, records, requestId, attempts, last }: Discarded,
  event: object,
  functionArn: string,
  source: SourceAddress,
  now: number,
): string {
  const payload = JSON.stringify(event)
  const [first, end] = [records[0]!, records.at(-1)!]
  const info = {
    batchSize: records.length,
    eventSourceArn: source.arn,
    ...(source.kind === 'kafka' ? { bootstrapServers: source.urls.map(({ host }) => host).join(',') } : {}),
    payloadSize: Buffer.byteLength(payload),
    firstRecord: first.id,
    lastRecord: end.id,
  }
  const error = last?.result.functionError
  const record = {
    version: '1.0',
    timestamp: new Date(now).toISOString(),
    requestContext: { requestId, functionArn, condition, approximateInvokeCount: attempts },
    ...(last === undefined
      ? {}
      : {
          responseContext: {
            statusCode: 200,
            executedVersion: last.version,
            ...(error === undefined ? {} : { functionError: error }),
          },
        }),
    [source.kind === 'kafka' ? 'KafkaBatchInfo' : 'BatchInfo']: info,
  }
  return `${JSON.stringify(record).slice(0, -1)},"payload":${payload}}`
}
