import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Deadlines } from '@sekisho/wire'
import { LoadBalancer } from '../../balancing/index.ts'
import { Peer, type PeerOptions } from '../../peers/peer.ts'
import type { ProxyError } from '../../proxy-error.ts'
import type { ServingListener } from '../../server/application.ts'
import type { StreamPhases, StreamPlan } from '../phases.ts'
import { StreamProxy, type StreamServeOptions } from '../stream-proxy.ts'
import type { StreamSession } from '../stream-session.ts'

export interface Harness {
  readonly port: number
  readonly listener: ServingListener
  readonly proxy: StreamProxy<object>
  readonly failures: ProxyError[]
  /** What the log was warned of. */
  readonly warnings: string[]
  /** Sessions that were let in. */
  readonly sessions: StreamSession<object>[]
  /** Sessions that are over. */
  readonly ended: StreamSession<object>[]
  /** Resolves with the next session that ends. */
  readonly nextEnd: () => Promise<StreamSession<object>>
}

export interface HarnessOptions {
  /** `host:port`, tried in this order. */
  readonly nodes: readonly string[]
  readonly peer?: PeerOptions
  readonly plan?: Partial<StreamPlan>
  readonly phases?: Partial<StreamPhases<object>>
  readonly serve?: StreamServeOptions
  readonly deadlines?: Deadlines
  readonly maxUdpSessions?: number
  readonly maxConnections?: number
}

const PLAN: StreamPlan = {
  idleTimeoutMs: 60_000,
  retries: 3,
  retryTimeoutMs: 0,
  proxyProtocol: undefined,
  responses: 0,
}

/** A proxy on a port of its own, until the test is finished. */
export async function startStreams(options: HarnessOptions): Promise<Harness> {
  const balancer = LoadBalancer.custom([...options.nodes], (backends) => ({
    select: (_key, tried) => backends.find((one) => !tried.includes(one)),
  }))
  const ended: StreamSession<object>[] = []
  const failures: ProxyError[] = []
  const warnings: string[] = []
  const sessions: StreamSession<object>[] = []
  const waiting: ((session: StreamSession<object>) => void)[] = []
  const plan = { ...PLAN, ...options.plan }
  const proxy = new StreamProxy<object>(
    {
      newContext: () => ({}),
      open: (session) => {
        sessions.push(session)
        return plan
      },
      upstreamPeer: (session) => {
        const backend = balancer.select('', session.tried)
        return backend === undefined ? undefined : new Peer(backend.host, backend.port, options.peer ?? {}, backend)
      },
      failToConnect: (_session, _peer, error) => void failures.push(error),
      logging: (session) => {
        ended.push(session)
        for (const resolve of waiting.splice(0)) resolve(session)
      },
      ...options.phases,
    },
    {
      logger: {
        error: (fields, message) => console.error(message, fields),
        warn: (_fields, message) => void warnings.push(message),
        info: () => {},
      },
      ...(options.deadlines === undefined ? {} : { deadlines: options.deadlines }),
      ...(options.maxUdpSessions === undefined ? {} : { maxUdpSessions: options.maxUdpSessions }),
      ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }),
    },
  )
  const listener = await proxy.serve({ host: '127.0.0.1', port: 0 }, options.serve)
  onTestFinished(async () => {
    listener.stopAccepting()
    await listener.drain(0)
  })
  const { port } = listener.address as AddressInfo
  return {
    port,
    listener,
    proxy,
    failures,
    warnings,
    sessions,
    ended,
    nextEnd: () => new Promise((resolve) => waiting.push(resolve)),
  }
}

/** A server of raw connections, until the test is finished. */
export async function startServer(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => {}))
    onConnection(socket)
  })
  const sockets = new Set<Socket>()
  await listening(server)
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export function client(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

/** All that a socket brings until its end. */
export async function readAll(socket: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** A UDP socket on 127.0.0.1, until the test is finished. */
export async function udpSocket(
  onMessage?: (socket: UdpSocket, text: string, port: number) => void,
): Promise<UdpSocket> {
  const socket = createSocket('udp4')
  if (onMessage !== undefined) socket.on('message', (bytes, { port }) => onMessage(socket, bytes.toString(), port))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  return socket
}

const listening = async (server: Server): Promise<void> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}
