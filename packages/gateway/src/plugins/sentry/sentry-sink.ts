import { ServiceClient, type ServiceAnswer } from '../../side-calls/index.ts'
import { VERSION } from '../../version.ts'
import type { PluginContext } from '../context.ts'
import type { BatchSink } from '../logging/batch-queue.ts'
import { statusReason } from '../logging/http-endpoints.ts'
import type { Dsn } from './dsn.ts'

/** A server that says nothing of how long it wants to be left alone. */
const DEFAULT_PAUSE_MS = 60_000
const MAX_PAUSE_MS = 3_600_000

export interface SentrySinkOptions {
  readonly dsn: Dsn
  readonly timeoutMs: number
  readonly verify: boolean
  readonly now?: () => number
}

/** Sends envelopes, and keeps quiet for as long as Sentry asks for (https://develop.sentry.dev/sdk/expected-features/rate-limiting/). */
export class SentrySink implements BatchSink<string> {
  private readonly client: ServiceClient
  private readonly options: SentrySinkOptions
  private readonly headers: Readonly<Record<string, string>>
  private readonly now: () => number
  private pausedUntil = 0

  constructor(options: SentrySinkOptions, context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>) {
    this.options = options
    this.now = options.now ?? Date.now
    const { publicKey, secretKey } = options.dsn
    const secret = secretKey === undefined ? '' : `, sentry_secret=${secretKey}`
    this.headers = {
      'Content-Type': 'application/x-sentry-envelope',
      'User-Agent': `sekisho/${VERSION}`,
      'X-Sentry-Auth': `Sentry sentry_version=7, sentry_client=sekisho/${VERSION}, sentry_key=${publicKey}${secret}`,
    }
    this.client = new ServiceClient(
      {
        plugin: 'sentry',
        timeoutMs: options.timeoutMs,
        maxAnswerBytes: 65_536,
        peer: { tls: { verify: options.verify } },
        consequence: 'its events wait, and are dropped when too many do or retries are used up',
      },
      context,
    )
  }

  /** No events are wanted now. */
  get isPaused(): boolean {
    return this.pausedUntil > this.now()
  }

  async send(envelopes: readonly string[]): Promise<{ again: string[]; refused: number } | void> {
    if (this.isPaused) return { again: [], refused: envelopes.length }
    let status = 0
    const unusable = (answer: ServiceAnswer): string | undefined => {
      status = answer.status
      this.heed(answer)
      return status >= 200 && status < 300 ? undefined : statusReason(answer)
    }
    try {
      // Batches have one envelope.
      await this.client.call(this.options.dsn.endpoint, { headers: this.headers, body: envelopes[0], unusable })
    } catch (error) {
      // It has the event and will never take it; repeating it does not help.
      if (status >= 400 && status < 500) return { again: [], refused: envelopes.length }
      throw error
    }
  }

  private heed({ status, headers }: ServiceAnswer): void {
    const limits = headers.get('x-sentry-rate-limits')
    const seconds = limits === undefined ? undefined : secondsOf(limits)
    const after = status === 429 ? (seconds ?? retryAfter(headers.get('retry-after'))) : seconds
    if (after !== undefined) this.pausedUntil = this.now() + Math.min(after * 1_000, MAX_PAUSE_MS)
  }
}

/** `60:error;default:organization, 2700::key`: the longest of those for errors, or for all. */
function secondsOf(limits: string): number | undefined {
  let longest: number | undefined
  for (const limit of limits.split(',')) {
    const [seconds, categories = ''] = limit.trim().split(':')
    const isOurs = categories === '' || categories.split(';').includes('error')
    if (isOurs && /^\d+$/.test(seconds)) longest = Math.max(longest ?? 0, Number(seconds))
  }
  return longest
}

const retryAfter = (field: string | undefined): number =>
  field !== undefined && /^\d+$/.test(field) ? Number(field) : DEFAULT_PAUSE_MS / 1_000
