import type { Headers } from '@sekisho/wire'
import type { GatewaySession } from '../session.ts'
import type { HttpContext } from './http-context.ts'
import { pairsSize, writePairs } from './header-pairs.ts'
import type { RootContext } from './root-context.ts'

/** Text stands for its bytes in latin1; numbers are 64 bits, little-endian; truth is a byte; maps are pairs. As Envoy has them. */
type Property = string | Buffer | undefined

/**
 * Attributes by Envoy's names ("Attributes" in its documentation), as far as the gateway knows them. A name alone that is none of these is a
 * variable of the gateway (`remote_addr`, `arg_x`), as in APISIX.
 *
 * @param path parts joined by NUL
 */
export function readProperty(path: string, root: RootContext, context: HttpContext | undefined): Property {
  const parts = path.split('\0')
  if (parts.length === 1) {
    const own = readRoot(parts[0], root)
    if (own !== undefined) return own
  }
  if (context === undefined) return undefined
  const { session } = context
  switch (parts[0]) {
    case 'request':
      return readRequest(session, parts)
    case 'response':
      return readResponse(context, parts)
    case 'source':
      return readAddress(session.ctx.remoteAddr, session.remotePort, parts)
    case 'destination':
      return readAddress(session.localAddress, session.localPort, parts)
    case 'connection':
      return readConnection(session, parts[1])
    case 'upstream':
      return readUpstream(session, parts)
    case 'route_name':
      return session.ctx.plan?.route.id ?? ''
    case 'cluster_name':
      return session.ctx.plan?.upstream?.upstream.id ?? ''
    case 'listener_direction':
      return integer(1)
    default:
      return parts.length === 1 ? variable(session, parts[0]) : undefined
  }
}

function readRoot(name: string, { settings }: RootContext): Property {
  switch (name) {
    case 'plugin_name':
      return settings.name
    case 'plugin_root_id':
      return settings.rootId
    case 'plugin_vm_id':
      return settings.vmId
    default:
      return undefined
  }
}

function readRequest(session: GatewaySession, [, name, field]: readonly string[]): Property {
  const { request, ctx } = session
  switch (name) {
    case 'path':
      return ctx.upstreamTarget ?? request.target
    case 'url_path':
      return request.path
    case 'query':
      return request.query
    case 'host':
      return request.host
    case 'scheme':
      return session.secure ? 'https' : 'http'
    case 'method':
      return request.method
    case 'protocol':
      return session.protocol
    case 'headers':
      return fields(request.headers, field)
    case 'referer':
      return request.headers.get('referer')
    case 'useragent':
      return request.headers.get('user-agent')
    case 'id':
      return request.headers.get('x-request-id')
    case 'time':
      return integer(Math.round((performance.timeOrigin + session.startedAt) * 1_000_000))
    case 'duration':
      return integer(Math.round(((session.finishedAt || performance.now()) - session.startedAt) * 1_000_000))
    case 'size':
      return request.bodyLength >= 0 ? integer(request.bodyLength) : undefined
    case 'total_size':
      return integer(session.bytesReceived)
    default:
      return undefined
  }
}

function readResponse({ session, responseTrailers }: HttpContext, [, name, field]: readonly string[]): Property {
  const { response } = session
  if (response === undefined) return undefined
  switch (name) {
    case 'code':
      return integer(response.status)
    case 'code_details':
      return session.responseSource === 'upstream' ? 'via_upstream' : session.responseSource
    case 'flags':
      return integer(0)
    case 'grpc_status':
      return session.grpcStatus === undefined ? undefined : integer(session.grpcStatus)
    case 'headers':
      return fields(response.headers, field)
    case 'trailers':
      return responseTrailers && fields(responseTrailers, field)
    case 'size':
    case 'total_size':
      return integer(session.bytesSent)
    default:
      return undefined
  }
}

function readAddress(address: string, port: number, [, name]: readonly string[]): Property {
  if (name === 'address') return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  return name === 'port' ? integer(port) : undefined
}

function readConnection(session: GatewaySession, name: string | undefined): Property {
  const { tls } = session
  switch (name) {
    case 'mtls':
      return Buffer.from([tls?.authorized === true ? 1 : 0])
    case 'requested_server_name':
      return tls?.serverName
    case 'tls_version':
      return tls?.protocol
    default:
      return undefined
  }
}

function readUpstream({ peer }: GatewaySession, [, name]: readonly string[]): Property {
  if (peer === undefined) return undefined
  const { name: address } = peer
  if (name === 'address') return address
  const port = Number(address.slice(address.lastIndexOf(':') + 1))
  return name === 'port' && Number.isInteger(port) ? integer(port) : undefined
}

function variable(session: GatewaySession, name: string): Property {
  const value = session.ctx.variable(name)
  return value === undefined ? undefined : String(value)
}

function fields(headers: Headers, name: string | undefined): Property {
  if (name !== undefined) return headers.get(name)
  const pairs = [...headers.entries()].map(([key, value]) => [key.toLowerCase(), value] as const)
  const bytes = Buffer.alloc(pairsSize(pairs))
  writePairs(bytes, 0, pairs)
  return bytes
}

function integer(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64LE(BigInt(value))
  return bytes
}
