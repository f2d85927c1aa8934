import type { ServiceAnswer } from '../../side-calls/index.ts'
import type { Refusal } from './otlp-exporter.ts'
import { grpcStatusName } from './span-facts.ts'

export const GRPC_PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'

/** CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS (OTLP specification, "OTLP/gRPC Response"). */
const RETRYABLE: ReadonlySet<number> = new Set([1, 4, 8, 10, 11, 14, 15])
/** Of HTTP, where a proxy answers in place of the collector (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md). */
const RETRYABLE_HTTP: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** One message with its head of five bytes. */
export function grpcMessage(message: Buffer, compressed: boolean): Buffer {
  const head = Buffer.alloc(5)
  head[0] = compressed ? 1 : 0
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** What the answer to a unary call means. */
export function grpcAnswer({ status, headers, trailers }: ServiceAnswer): Refusal | undefined {
  if (status !== 200) return { reason: `it answers ${status} instead of gRPC`, retryable: RETRYABLE_HTTP.has(status) }
  const code = trailer(trailers, 'grpc-status') ?? headers.get('grpc-status')
  if (code === '0') return undefined
  if (code === undefined) return { reason: 'it answers without grpc-status', retryable: false }
  const said = (trailer(trailers, 'grpc-message') ?? headers.get('grpc-message') ?? '').slice(0, 200)
  const reason = `it answers ${grpcStatusName(Number(code))}${said === '' ? '' : `: ${said}`}`
  return { reason, retryable: RETRYABLE.has(Number(code)) }
}

/** Names of trailers of HTTP/2 are in lower case. */
function trailer(lines: string, name: string): string | undefined {
  for (const line of lines.split('\r\n')) if (line.startsWith(`${name}:`)) return line.slice(name.length + 1).trim()
  return undefined
}
