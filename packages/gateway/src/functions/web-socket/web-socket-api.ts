import {
  MalformedAnswer,
  statusOf,
  webSocketConnectEvent,
  webSocketDisconnectEvent,
  webSocketMessageEvent,
  type WebSocketConnection,
  type WebSocketMoment,
} from '@sekisho/functions/events'
import { addForwardedHeaders } from '../../gateway/forwarded-headers.ts'
import type { GatewaySession } from '../../session.ts'
import { eventRequest } from '../event-maker.ts'
import type { FunctionTarget } from '../function-target.ts'
import { invokeFunction, type Invoked } from '../invoke-client.ts'
import { newExtendedRequestId, newRequestId } from '../request-ids.ts'
import { connections } from './connection-registry.ts'
import { handshakeFields, handshakeProblem, offeredProtocols } from './handshake.ts'
import { ServerWebSocket, type WebSocketLimits, type WebSocketOwner } from './server-web-socket.ts'

export interface WebSocketRoute {
  readonly target: FunctionTarget
  /** What the function answers goes back to the client. */
  readonly responds: boolean
}

export interface WebSocketApiOptions {
  /** By route key: `$connect`, `$disconnect`, `$default` and keys of messages. */
  readonly routes: ReadonlyMap<string, WebSocketRoute>
  readonly select: (message: Buffer) => string | undefined
  readonly stage: string
  readonly limits: WebSocketLimits
  /** Per worker. */
  readonly maxConnections: number
}

/** Messages of one connection that functions work on at a time; the client is not read while there are more. */
const MAX_CONCURRENT_MESSAGES = 16

/** WebSocket connections whose messages functions get. */
export class WebSocketApi {
  readonly options: WebSocketApiOptions

  constructor(options: WebSocketApiOptions) {
    this.options = options
  }

  /** Answers a request: opens a WebSocket if it asks for one, and the function of `$connect` has nothing against it. */
  async open(session: GatewaySession): Promise<void> {
    const problem = handshakeProblem(session)
    if (problem !== undefined) {
      respond(session, problem.status, problem.message, problem.fields)
      return
    }
    if (connections.size >= this.options.maxConnections) {
      respond(session, 429, 'Too Many Requests', {})
      return
    }
    const connection = this.connectionOf(session)
    const subprotocol = await this.connect(session, connection)
    if (session.finishedAt !== 0) {
      this.disconnected(connection, 1006, '')
      return
    }
    if (subprotocol === false) return
    const api = new Conversation(this, connection, session.ctx.plan?.route.id ?? '')
    session.acceptUpgrade(handshakeFields(session, subprotocol), api.socket)
  }

  /** Tells the function that a connection is over, and does not wait for it. */
  disconnected(connection: WebSocketConnection, code: number, reason: string): void {
    const route = this.options.routes.get('$disconnect')
    if (route === undefined) return
    const event = webSocketDisconnectEvent(connection, momentOf('$disconnect'), code, reason)
    void invokeFunction(route.target, Buffer.from(JSON.stringify(event))).then((invoked) => logFailure(route, invoked))
  }

  private connectionOf(session: GatewaySession): WebSocketConnection {
    const { ctx, request } = session
    return {
      connectionId: connections.newId(),
      connectedAt: Date.now(),
      apiId: ctx.plan?.service?.id ?? ctx.plan?.route.id ?? '',
      stage: this.options.stage,
      domainName: ctx.host,
      sourceIp: ctx.remoteAddr,
      userAgent: request.headers.get('user-agent') ?? '',
      authorizer: ctx.authorizer,
    }
  }

  /** @returns the subprotocol; false: it was refused, and answered */
  private async connect(session: GatewaySession, connection: WebSocketConnection): Promise<string | undefined | false> {
    const route = this.options.routes.get('$connect')
    if (route === undefined) return undefined
    const head = session.request.copy()
    addForwardedHeaders(head, session.ctx, undefined)
    const event = webSocketConnectEvent(
      eventRequest(session, head, new Uint8Array(0)),
      connection,
      momentOf('$connect'),
    )
    const invoked = await invokeFunction(route.target, Buffer.from(JSON.stringify(event)))
    if (session.finishedAt !== 0) return false
    logFailure(route, invoked)
    const answer = invoked.failure === undefined ? connectAnswer(invoked.payload) : undefined
    const protocol = answer instanceof MalformedAnswer ? undefined : answer?.protocol
    const offered = protocol === undefined || offeredProtocols(session).includes(protocol)
    if (answer === undefined || answer instanceof MalformedAnswer || !offered) {
      respond(session, invoked.failure === 'timeout' ? 504 : 502, 'Internal server error', {})
      return false
    }
    if (answer.status >= 200 && answer.status < 300) return protocol
    respond(session, answer.status, answer.status === 401 ? 'Unauthorized' : 'Forbidden', {})
    return false
  }
}

/** One open WebSocket: its messages go to functions. */
class Conversation implements WebSocketOwner {
  readonly socket: ServerWebSocket
  private readonly api: WebSocketApi
  private readonly connection: WebSocketConnection
  private lastActiveAt = Date.now()
  private running = 0

  constructor(api: WebSocketApi, connection: WebSocketConnection, routeId: string) {
    this.api = api
    this.connection = connection
    this.socket = new ServerWebSocket(api.options.limits, this)
    const { connectedAt, sourceIp, userAgent, stage, connectionId } = connection
    connections.add(connectionId, {
      routeId,
      stage,
      state: () => ({
        connectedAt: new Date(connectedAt).toISOString(),
        lastActiveAt: new Date(this.lastActiveAt).toISOString(),
        identity: { sourceIp, userAgent },
      }),
      post: (data) => {
        this.lastActiveAt = Date.now()
        return this.socket.send(data)
      },
      disconnect: () => {
        connections.remove(connectionId)
        this.socket.close(1000, '')
      },
    })
  }

  onMessage(data: Buffer, isText: boolean): void {
    this.lastActiveAt = Date.now()
    const { routes, select } = this.api.options
    const key = isText ? select(data) : undefined
    const named = key === undefined || key.startsWith('$') ? undefined : routes.get(key)
    const route = named ?? routes.get('$default')
    const moment = momentOf(named === undefined ? '$default' : (key as string))
    if (route === undefined) {
      this.complain('Forbidden', moment.requestId)
      return
    }
    const withId = { ...moment, messageId: newExtendedRequestId() }
    const event = webSocketMessageEvent(this.connection, withId, data.toString(isText ? 'utf8' : 'base64'), !isText)
    if (++this.running === MAX_CONCURRENT_MESSAGES) this.socket.pause()
    void invokeFunction(route.target, Buffer.from(JSON.stringify(event))).then((invoked) => {
      if (this.running-- === MAX_CONCURRENT_MESSAGES) this.socket.resume()
      this.answer(route, invoked, moment.requestId)
    })
  }

  onClosed(code: number, reason: string): void {
    connections.remove(this.connection.connectionId)
    this.api.disconnected(this.connection, code, reason)
  }

  private answer(route: WebSocketRoute, invoked: Invoked, requestId: string): void {
    logFailure(route, invoked)
    if (invoked.failure !== undefined) this.complain('Internal server error', requestId)
    else if (route.responds) {
      const body = responseBody(invoked.payload)
      if (body !== undefined) this.socket.send(body)
    }
  }

  private complain(message: string, requestId: string): void {
    const { connectionId } = this.connection
    this.socket.send(Buffer.from(JSON.stringify({ message, connectionId, requestId })))
  }
}

function momentOf(routeKey: string): WebSocketMoment {
  return { routeKey, requestId: newRequestId(), extendedRequestId: newExtendedRequestId(), timeMs: Date.now() }
}

function respond(
  session: GatewaySession,
  status: number,
  message: string,
  fields: Record<string, string> | object,
): void {
  const { Connection: _, ...rest } = fields as Record<string, string>
  session.respond(status, JSON.stringify({ message }), { 'Content-Type': 'application/json', ...rest })
}

function logFailure({ target }: WebSocketRoute, invoked: Invoked): void {
  if (invoked.failure !== undefined) target.log.failed(target.invoke.name, invoked.failure, invoked.detail)
}

/** The status and subprotocol that `$connect` answers. */
function connectAnswer(payload: Buffer): { status: number; protocol: string | undefined } | MalformedAnswer {
  const value = parsed(payload)
  const status = statusOf((value as { statusCode?: unknown } | null | undefined)?.statusCode)
  if (status === undefined) return new MalformedAnswer('no status')
  const headers = (value as { headers?: unknown }).headers
  if (typeof headers !== 'object' || headers === null) return { status, protocol: undefined }
  const name = Object.keys(headers).find((one) => one.toLowerCase() === 'sec-websocket-protocol')
  const protocol = name === undefined ? undefined : (headers as Record<string, unknown>)[name]
  return { status, protocol: typeof protocol === 'string' && protocol !== '' ? protocol : undefined }
}

/** What goes back over the connection: the body of an answer, or the whole of one that has none. */
function responseBody(payload: Buffer): Buffer | undefined {
  const value = parsed(payload)
  if (value === null || value === undefined) return undefined
  if (typeof value === 'string') return Buffer.from(value)
  if (typeof value !== 'object' || !('statusCode' in value)) return payload
  const { body, isBase64Encoded } = value as { body?: unknown; isBase64Encoded?: unknown }
  if (typeof body !== 'string') return undefined
  return Buffer.from(body, isBase64Encoded === true ? 'base64' : 'utf8')
}

function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString())
  } catch {
    return undefined
  }
}
