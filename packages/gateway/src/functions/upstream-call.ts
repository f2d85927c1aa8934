import type { ProxyError, RequestHead } from '@sekisho/proxy'
import type { GatewaySession } from '../session.ts'
import type { UpstreamTarget } from '../upstreams/upstream-target.ts'

/** A request that leaves as another one, to an upstream of its own, in place of the route's. */
export interface UpstreamCall {
  readonly upstream: UpstreamTarget
  /** Before the way to the upstream: reads what it needs of the request. */
  begin(session: GatewaySession): Promise<void> | undefined
  /** Turns what would leave for an upstream (a copy, for each attempt) into what leaves. */
  apply(session: GatewaySession, request: RequestHead): void
  /** Nothing came of it: may answer. */
  failed(session: GatewaySession, error: ProxyError): void
}
