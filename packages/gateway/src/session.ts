import type { Session } from '@sekisho/proxy'
import type { RequestContext } from './request-context.ts'

/** What plugins see: the proxy's session, whose `ctx` is what the gateway knows of the request. */
export type GatewaySession = Session<RequestContext>
