import type { Headers } from '@sekisho/wire'
import { CallCounts, ServiceClient } from '../../side-calls/index.ts'
import type { PluginContext } from '../context.ts'

/** Of one body. */
export const MAX_BODY_BYTES = 1_048_576
/** Of all bodies of one mirror that wait or are under way, in a worker. */
export const MAX_HELD_BYTES = 16_777_216
const TIMEOUT_MS = 10_000

/** Another host that gets copies of requests. Bodies that it holds are bounded, and nobody waits for it. */
export class Mirror {
  private readonly client: ServiceClient
  private readonly origin: string
  private readonly counts: CallCounts
  private held = 0

  /** @param host `http://HOST:PORT`, or with https, grpc or grpcs */
  constructor(host: string, context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>) {
    this.origin = host.replace(/^grpc/, 'http')
    this.client = new ServiceClient(
      {
        plugin: 'proxy-mirror',
        timeoutMs: TIMEOUT_MS,
        maxAnswerBytes: null,
        consequence: 'requests go on without a copy',
        peer: host.startsWith('grpc') ? { protocol: 'h2' } : {},
      },
      context,
    )
    this.counts = new CallCounts('proxy-mirror', context.metrics)
  }

  /** Room for one more piece of a body. @returns false: there is none, and what was held of this body is given back */
  take(before: readonly Buffer[], chunk: Uint8Array): boolean {
    if (sizeOf(before) + chunk.length > MAX_BODY_BYTES || this.held + chunk.length > MAX_HELD_BYTES) {
      this.give(before)
      this.counts.add('too-large')
      return false
    }
    this.held += chunk.length
    return true
  }

  /** The body will not be sent. */
  give(chunks: readonly Buffer[]): void {
    this.held -= sizeOf(chunks)
  }

  whole(chunks: readonly Buffer[]): Buffer {
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
  }

  send(method: string, target: string, headers: Headers, body: Buffer | undefined): void {
    const over = (): void => {
      this.held -= body?.length ?? 0
    }
    // It may have "//" or dots in front, which a URL would read otherwise.
    const url = new URL(this.origin)
    this.client.call(url, { method, target, headers, body }).then(over, over)
  }
}

const sizeOf = (chunks: readonly Buffer[]): number => chunks.reduce((size, chunk) => size + chunk.length, 0)
