import type { Deadlines, H1Limits, H2Limits, UpstreamPools } from '@sekisho/wire'
import type { Resolver } from '../peers/resolver.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import type { ErrorRenderer } from './reply.ts'

/** Where the proxy's errors are written; pino fits, console does too. */
export interface ProxyLogger {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
  info(fields: object, message: string): void
}

/** What the exchanges of one proxy in one thread share. */
export interface ProxyRuntime<Ctx> {
  readonly phases: ProxyPhases<Ctx>
  readonly pools: UpstreamPools
  readonly resolver: Resolver
  readonly deadlines: Deadlines
  readonly limits: H1Limits
  readonly h2Limits: H2Limits
  readonly logger: ProxyLogger
  readonly renderError: ErrorRenderer
  /** Protocols that clients may switch to, lower case. */
  readonly upgrades: readonly string[] | 'any'
  /** Attempts after the first one, at most. */
  readonly maxRetries: number
}
