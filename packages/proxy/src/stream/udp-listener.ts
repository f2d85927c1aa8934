import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6, type AddressInfo } from 'node:net'
import { plainAddress } from '@sekisho/wire'
import type { ListenTarget, ServingListener } from '../server/application.ts'
import { numericLookup } from './numeric-lookup.ts'
import type { StreamRuntime, StreamSession } from './stream-session.ts'
import { MAX_QUEUED_BYTES, UdpSession, type UdpDownstream } from './udp-session.ts'

/** Datagrams that all sessions of a listener keep until there is an answer. A thousand DNS queries are 60 KiB. */
const MAX_KEPT_BYTES = 16_777_216

export interface UdpListenerOptions {
  /** Clients at a time; the datagrams of further ones are dropped. */
  readonly maxSessions: number
  readonly onOverload: () => void
}

/**
 * Takes datagrams, and makes a session of those of one client address and port. The socket lets another one be bound to its address
 * (`SO_REUSEADDR`): Linux gives what comes to the one that was bound last, so that a new process takes over from a running one.
 */
export class UdpListener<Ctx> implements ServingListener {
  private readonly runtime: StreamRuntime<Ctx>
  private readonly options: UdpListenerOptions
  private readonly socket: Socket
  private readonly sessions = new Map<string, UdpSession<Ctx>>()
  private keptBytes = 0
  private draining = false
  private onEmpty: (() => void) | undefined
  private drained: Promise<number> | undefined

  private constructor(runtime: StreamRuntime<Ctx>, socket: Socket, options: UdpListenerOptions) {
    this.runtime = runtime
    this.socket = socket
    this.options = options
  }

  static listen<Ctx>(
    runtime: StreamRuntime<Ctx>,
    target: ListenTarget,
    options: UdpListenerOptions,
  ): Promise<UdpListener<Ctx>> {
    if (!('port' in target)) throw new TypeError('UDP listens on an address and a port of its own')
    const { host, port, ipv6Only = false } = target
    const type = isIPv6(host) ? 'udp6' : 'udp4'
    const socket = createSocket({ type, reuseAddr: true, ipv6Only, lookup: numericLookup })
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(port, host, () => {
        socket.off('error', reject)
        const listener = new UdpListener(runtime, socket, options)
        socket.on('error', (err) => runtime.logger.info({ err, address: listener.address }, 'a datagram was not sent'))
        socket.on('message', (datagram, client) => listener.onDatagram(datagram, client))
        resolve(listener)
      })
    })
  }

  get address(): AddressInfo {
    return this.socket.address()
  }

  get connections(): number {
    return this.sessions.size
  }

  stopAccepting(): void {
    this.draining = true
    for (const session of this.sessions.values()) session.endIfIdle()
  }

  drain(deadlineMs: number): Promise<number> {
    this.stopAccepting()
    return (this.drained ??= new Promise((resolve) => {
      const done = (cut: number): void => {
        clearTimeout(timer)
        this.onEmpty = undefined
        this.socket.close(() => resolve(cut))
      }
      const timer = setTimeout(() => {
        const cut = this.sessions.size
        this.onEmpty = undefined
        for (const session of this.sessions.values()) session.end()
        done(cut)
      }, deadlineMs)
      this.onEmpty = () => done(0)
      if (this.sessions.size === 0) done(0)
    }))
  }

  private onDatagram(datagram: Buffer, client: RemoteInfo): void {
    const key = `${client.address} ${client.port}`
    const session = this.sessions.get(key) ?? this.begin(key, client)
    session?.fromClient(datagram)
  }

  private begin(key: string, client: RemoteInfo): UdpSession<Ctx> | undefined {
    if (this.draining) return undefined
    if (this.sessions.size >= this.options.maxSessions) {
      this.options.onOverload()
      return undefined
    }
    const { address, port } = this.address
    const end = {
      remoteAddress: plainAddress(client.address),
      remotePort: client.port,
      localAddress: plainAddress(address),
      localPort: port,
      tls: undefined,
      proxied: undefined,
    }
    const session = new UdpSession(this.runtime, end, this.downstream(client), this.ended(key))
    this.sessions.set(key, session)
    session.begin()
    return session
  }

  private downstream({ address, port }: RemoteInfo): UdpDownstream {
    const { socket } = this
    const isDraining = (): boolean => this.draining
    return {
      reply: (bytes) => {
        if (socket.getSendQueueSize() <= MAX_QUEUED_BYTES) socket.send(bytes, port, address)
      },
      keep: (bytes) => {
        if (this.keptBytes + bytes > MAX_KEPT_BYTES) return false
        this.keptBytes += bytes
        return true
      },
      giveBack: (bytes) => {
        this.keptBytes -= bytes
      },
      get draining() {
        return isDraining()
      },
    }
  }

  private ended(key: string): (session: StreamSession<Ctx>) => void {
    return () => {
      this.sessions.delete(key)
      if (this.sessions.size === 0) this.onEmpty?.()
    }
  }
}
