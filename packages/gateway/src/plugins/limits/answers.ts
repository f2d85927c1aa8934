import type { PluginLogger } from '../context.ts'
import type { GatewaySession } from '../../session.ts'

/** The part of a limit's configuration that says how it answers. */
export interface AnswerOptions {
  readonly rejected_code: number
  readonly rejected_msg?: string
  readonly allow_degradation?: boolean | undefined
}

const JSON_FIELDS = { 'Content-Type': 'application/json' } as const

/** Answers a request that is over the limit. The body is made once. */
export function rejection(options: AnswerOptions): (session: GatewaySession) => void {
  const { rejected_code: code, rejected_msg: message = 'too many requests' } = options
  const body = `${JSON.stringify({ error_msg: message })}\n`
  return (session) => session.respond(code, body, JSON_FIELDS)
}

/** Clients can make such requests at will, so the log gets one line a second, and the number of those it stands for. */
const LOG_INTERVAL_MS = 1_000

/**
 * What becomes of a request that a limit cannot count, because a variable it needs is not there or is no number: 500, as in APISIX,
 * or nothing with `allow_degradation`. The reason is for the operator; the client is not told what is configured.
 */
export class LimitFailure {
  private readonly plugin: string
  private readonly scope: string
  private readonly passes: boolean
  private readonly logger: PluginLogger
  private loggedAtMs = Number.NEGATIVE_INFINITY
  private unlogged = 0

  constructor(plugin: string, scope: string, options: AnswerOptions, logger: PluginLogger) {
    this.plugin = plugin
    this.scope = scope
    this.passes = options.allow_degradation === true
    this.logger = logger
  }

  answer(session: GatewaySession, reason: string): void {
    this.log(reason)
    if (!this.passes)
      session.respond(500, { error_msg: `${this.plugin}: the limit of this request cannot be determined` })
  }

  private log(reason: string): void {
    this.unlogged++
    const nowMs = Date.now()
    const sinceMs = nowMs - this.loggedAtMs
    if (sinceMs >= 0 && sinceMs < LOG_INTERVAL_MS) return
    const fields = { plugin: this.plugin, scope: this.scope, requests: this.unlogged }
    this.logger.error(fields, `${this.plugin}: ${reason}`)
    this.loggedAtMs = nowMs
    this.unlogged = 0
  }
}
