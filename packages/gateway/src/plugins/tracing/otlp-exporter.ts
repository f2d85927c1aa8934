import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { ServiceClient, type ServiceAnswer } from '../../side-calls/index.ts'
import type { PluginContext } from '../context.ts'
import type { BatchSink, Sent } from '../logging/batch-queue.ts'
import { grpcAnswer, grpcMessage, GRPC_PATH } from './otlp-grpc.ts'
import { rejectedSpans } from './otlp-response.ts'

export interface OtlpOptions {
  /** URL of the collector, path included. */
  readonly url: URL
  readonly protocol: 'http/protobuf' | 'grpc'
  readonly timeoutMs: number
  readonly headers: Readonly<Record<string, string>>
  readonly verify: boolean
  readonly compression: 'none' | 'gzip'
  readonly concurrency: number
  /** Makes an `ExportTraceServiceRequest` of the spans of a batch. */
  readonly encode: (spans: readonly Buffer[]) => Buffer
}

/** An answer says a number and a sentence. */
const MAX_ANSWER_BYTES = 65_536
/** OTLP specification, "Retryable Response Codes": all others mean that the batch will never be taken. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])
const gzipped = promisify(gzip)

/** What an answer means: undefined, that all was well. */
export interface Refusal {
  readonly reason: string
  /** The same batch may be sent again. */
  readonly retryable: boolean
}

/** Sends batches of spans to a collector of OTLP. */
export function otlpSink(
  options: OtlpOptions,
  context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>,
): BatchSink<Buffer> {
  const isGrpc = options.protocol === 'grpc'
  const client = new ServiceClient(
    {
      plugin: 'opentelemetry',
      timeoutMs: options.timeoutMs,
      maxAnswerBytes: MAX_ANSWER_BYTES,
      peer: { tls: { verify: options.verify }, ...(isGrpc && { protocol: 'h2' as const }) },
      consequence: 'its spans wait, and are dropped when too many do or retries are used up',
    },
    context,
  )
  const { url } = options
  const headers = {
    ...(isGrpc
      ? { 'Content-Type': 'application/grpc', TE: 'trailers', 'grpc-timeout': `${options.timeoutMs}m` }
      : { 'Content-Type': 'application/x-protobuf' }),
    ...(options.compression === 'gzip' && { [isGrpc ? 'grpc-encoding' : 'Content-Encoding']: 'gzip' }),
    ...options.headers,
  }
  const target = isGrpc ? GRPC_PATH : undefined
  return {
    concurrency: options.concurrency,
    async send(spans): Promise<Sent<Buffer> | void> {
      const request = options.encode(spans)
      const bytes = options.compression === 'gzip' ? await gzipped(request) : request
      const body = isGrpc ? grpcMessage(bytes, options.compression === 'gzip') : bytes
      let refusal: Refusal | undefined
      const unusable = (answer: ServiceAnswer): string | undefined => {
        refusal = isGrpc ? grpcAnswer(answer) : httpAnswer(answer)
        return refusal?.reason
      }
      try {
        const answer = await client.call(url, { method: 'POST', headers, body, unusable, ...(target && { target }) })
        const refused = rejectedSpans(isGrpc ? answer.body.subarray(5) : answer.body)
        if (refused > 0) return { again: [], refused: Math.min(refused, spans.length) }
      } catch (error) {
        if (refusal === undefined || refusal.retryable) throw error
        return { again: [], refused: spans.length }
      }
    },
  }
}

function httpAnswer({ status, text }: ServiceAnswer): Refusal | undefined {
  if (status >= 200 && status < 300) return undefined
  // The body is a `Status` of protobuf: what of it people can read is its message.
  const said = text
    .replace(/[^ -~]+/g, ' ')
    .trim()
    .slice(0, 200)
  return { reason: `it answers ${status}${said === '' ? '' : `: ${said}`}`, retryable: RETRYABLE.has(status) }
}
