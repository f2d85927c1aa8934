import type { GatewaySession } from '../../session.ts'
import type { GatewayStreamSession } from '../../stream/stream-context.ts'
import { streamVariable } from '../../stream/stream-variables.ts'
import { isVariable, variableReader } from '../../variables/variables.ts'
import type { LogBodies } from './default-entry.ts'
import { rounded } from './default-entry.ts'
import type { VariableFinder } from './log-format.ts'

/** What a format of a request reads from. */
export interface LoggedRequest {
  readonly session: GatewaySession
  readonly bodies: LogBodies
}

/** Names of the variables that are bodies. */
export const REQUEST_BODY = 'request_body'
export const RESPONSE_BODIES: readonly string[] = ['resp_body', 'response_body']

export const requestVariable: VariableFinder<LoggedRequest> = (name) => {
  if (name === REQUEST_BODY) return ({ bodies }) => bodies.request
  if (RESPONSE_BODIES.includes(name)) return ({ bodies }) => bodies.response
  if (!isVariable(name)) return undefined
  const read = variableReader(name)
  return ({ session }) => read(session.ctx)
}

/** Variables of a session below HTTP that has ended, by nginx's names. */
const OF_STREAMS: Readonly<Record<string, (session: GatewayStreamSession) => string | number | undefined>> = {
  protocol: ({ transport }) => transport.toUpperCase(),
  bytes_received: ({ bytesReceived }) => bytesReceived,
  bytes_sent: ({ bytesSent }) => bytesSent,
  session_time: (session) => seconds(endOf(session) - session.startedAt),
  upstream_addr: ({ peer }) => peer?.name,
  upstream_connect_time: ({ connectedAt, attemptedAt }) =>
    connectedAt === 0 ? undefined : seconds(connectedAt - attemptedAt),
  route_id: ({ ctx }) => ctx.plan?.route.id,
}

const seconds = (ms: number): string => (Math.max(0, ms) / 1_000).toFixed(3)
const endOf = ({ finishedAt }: GatewayStreamSession): number => finishedAt || performance.now()

export const streamLogVariable: VariableFinder<GatewayStreamSession> = (name) =>
  Object.hasOwn(OF_STREAMS, name) ? OF_STREAMS[name] : streamVariable(name)

/** The entry of a session below HTTP where no format is given. */
export function streamEntry(session: GatewayStreamSession): string {
  const { client, ctx, peer, error } = session
  const entry = {
    client_ip: client.remoteAddress,
    client_port: client.remotePort,
    server: { address: client.localAddress, port: client.localPort },
    protocol: session.transport,
    sni: session.serverName === '' ? undefined : session.serverName,
    route_id: ctx.plan?.route.id,
    upstream: peer?.name,
    start_time: Math.round(performance.timeOrigin + session.startedAt),
    latency: rounded(endOf(session) - session.startedAt),
    bytes_received: session.bytesReceived,
    bytes_sent: session.bytesSent,
    error: error?.code,
  }
  return JSON.stringify(entry).slice(1, -1)
}
