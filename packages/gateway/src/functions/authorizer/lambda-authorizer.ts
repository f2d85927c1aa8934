import {
  http2AuthorizerEvent,
  requestAuthorizerEvent,
  tokenAuthorizerEvent,
  type Authorization,
} from '@sekisho/functions/events'
import { isFieldValue } from '@sekisho/wire'
import { addForwardedHeaders } from '../../gateway/forwarded-headers.ts'
import type { PluginLogger } from '../../plugins/context.ts'
import type { GatewaySession } from '../../session.ts'
import { eventRequest } from '../event-maker.ts'
import type { FunctionTarget } from '../function-target.ts'
import { invokeFunction } from '../invoke-client.ts'
import { newRequestId } from '../request-ids.ts'
import { AnswerCache } from './answer-cache.ts'
import type { IdentitySource } from './identity-source.ts'
import { refuse } from './refusals.ts'
import { verdictOf, type Verdict } from './verdict.ts'

export interface AuthorizerOptions {
  readonly target: FunctionTarget
  readonly type: 'request' | 'token'
  /** It answers `{ isAuthorized, context }`, not a policy. */
  readonly simple: boolean
  readonly sources: readonly IdentitySource[]
  /** Of a token: what does not match is refused without a call. */
  readonly pattern: RegExp | undefined
  readonly cacheTtlMs: number
  /** Fields for the upstream, by name: values of the context. */
  readonly contextHeaders: Readonly<Record<string, string>>
  readonly logger: PluginLogger
}

/** Callers whose answer is kept, per place and worker. */
const MAX_ENTRIES = 10_000

/** Asks a function whether a request may go on. Whatever goes wrong, it may not. */
export class LambdaAuthorizer {
  private readonly options: AuthorizerOptions
  private readonly cache: AnswerCache<Verdict>

  constructor(options: AuthorizerOptions) {
    this.options = options
    this.cache = new AnswerCache(options.cacheTtlMs, MAX_ENTRIES)
  }

  async authorize(session: GatewaySession): Promise<void> {
    const { sources, pattern, contextHeaders, target } = this.options
    const { headers } = session.request
    // What a client says of itself in these is never believed.
    for (const name of Object.keys(contextHeaders)) headers.delete(name)
    const identity = sources.map((source) => source(session))
    const known = identity.every((value) => value !== undefined)
    if (!known || (pattern !== undefined && !pattern.test(identity[0] ?? ''))) {
      refuse(session, target.events.format, 'unauthorized')
      return
    }
    const verdict = await this.verdict(session, identity as string[])
    if (session.finishedAt !== 0) return
    this.settle(session, verdict)
  }

  private verdict(session: GatewaySession, identity: readonly string[]): Promise<Verdict> {
    const ask = async (): Promise<Verdict> => {
      const event = Buffer.from(JSON.stringify(this.event(session, identity)))
      return verdictOf(await invokeFunction(this.options.target, event), this.options.simple)
    }
    // Without a source there is nothing that one answer could be known by.
    if (identity.length === 0) return ask()
    return this.cache.get(identity.join('\0'), ask, ({ kind }) => kind === 'policy' || kind === 'simple')
  }

  private settle(session: GatewaySession, verdict: Verdict): void {
    const { target, logger } = this.options
    const { format } = target.events
    if (verdict.kind === 'failed') {
      logger.warn({ function: target.invoke.name, why: verdict.why.slice(0, 1_024) }, 'an authorizer gave no answer')
      refuse(session, format, 'failed')
      return
    }
    if (verdict.kind === 'unauthorized') {
      refuse(session, format, 'unauthorized')
      return
    }
    const authorization =
      verdict.kind === 'simple' ? verdict.authorization : verdict.policy.evaluate(this.methodArn(session))
    if (!authorization.allowed) refuse(session, format, authorization.explicitDeny ? 'explicit-deny' : 'denied')
    else if (this.handOver(session, authorization)) session.ctx.authorizer = authorization.context
    else refuse(session, format, 'failed')
  }

  /** @returns false: a value cannot stand in a field */
  private handOver({ request }: GatewaySession, { context }: Authorization): boolean {
    for (const [name, key] of Object.entries(this.options.contextHeaders)) {
      const value = context[key]
      if (value === undefined || value === null) continue
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      if (!isFieldValue(text)) return false
      request.headers.set(name, text)
    }
    return true
  }

  private event(session: GatewaySession, identity: readonly string[]): object {
    const { target, type } = this.options
    const { events } = target
    const arn = this.methodArn(session)
    if (type === 'token') return tokenAuthorizerEvent(identity[0], arn)
    const head = session.request.copy()
    addForwardedHeaders(head, session.ctx, undefined)
    const request = eventRequest(session, head, NOTHING)
    const requestId = newRequestId()
    return events.format === 'rest-1.0'
      ? requestAuthorizerEvent(request, events.restContext(session, requestId), arn)
      : http2AuthorizerEvent(request, events.http2Context(session, requestId), arn, identity)
  }

  /** `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`, by the path as routes are matched. */
  private methodArn({ ctx }: GatewaySession): string {
    const { invoke, events } = this.options.target
    const api = ctx.plan?.service?.id ?? ctx.plan?.route.id ?? ''
    return `arn:aws:execute-api:${invoke.region}:${invoke.accountId}:${api}/${events.stage}/${ctx.method}${ctx.path}`
  }
}

const NOTHING = new Uint8Array(0)
