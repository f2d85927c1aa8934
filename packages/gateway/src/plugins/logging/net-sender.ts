import { createSocket } from 'node:dgram'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { PluginContext } from '../context.ts'
import { ServiceHealth } from '../../side-calls/index.ts'

export interface TcpTarget {
  readonly host: string
  readonly port: number
  /** For all of a batch: name, connection, handshake, and until the system has taken all. */
  readonly timeoutMs: number
  readonly tls?: { readonly serverName: string | undefined; readonly verify: boolean } | undefined
  /** How long a connection is kept on which nothing is sent; left out: as long as the other side does. */
  readonly idleMs?: number | undefined
}

const CONSEQUENCE = 'its entries wait, and are dropped when too many do or retries are used up'

/** Tells the log when a host begins and ceases to fail. */
export const hostHealth = (
  plugin: string,
  host: string,
  port: number,
  { scope, logger }: Pick<PluginContext, 'scope' | 'logger'>,
): ServiceHealth => new ServiceHealth(`${plugin}: ${host}:${port}`, { plugin, place: scope }, logger)

/** Awaits what is sent, and tells the log of its state. */
export async function noted<T>(sending: Promise<T>, health: ServiceHealth): Promise<T> {
  try {
    const result = await sending
    health.answered()
    return result
  } catch (error) {
    health.failed(error instanceof Error ? error.message : String(error), CONSEQUENCE)
    throw error
  }
}

/**
 * Bytes on a connection of their own, whose end tells the receiver that they are all. Resolves when the system of this machine has taken them:
 * TCP tells no more than that. Rejects on a refusal, a reset, a certificate that is not trusted, or at the time limit.
 */
export function sendOverTcp(target: TcpTarget, bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(target)
    const timer = setTimeout(
      () => socket.destroy(new Error(`it did not take a batch within ${target.timeoutMs} ms`)),
      target.timeoutMs,
    )
    // What the receiver says is thrown away; not reading it would hold the connection open.
    socket.resume()
    socket.once(target.tls === undefined ? 'connect' : 'secureConnect', () => socket.end(bytes))
    let failure: Error | undefined
    socket.once('error', (error) => (failure = error))
    socket.once('finish', () => {
      clearTimeout(timer)
      resolve()
      // The receiver closes too; one that does not is left.
      socket.setTimeout(target.timeoutMs, () => socket.destroy()).unref()
    })
    socket.once('close', () => {
      clearTimeout(timer)
      reject(failure ?? new Error('the connection was closed'))
    })
  })
}

/** Begins a connection; `connect` or `secureConnect` tells that it is there. */
export function connectTo({ host, port, tls }: TcpTarget): Socket {
  if (tls === undefined) return connectTcp({ host, port })
  const serverName = tls.serverName ?? (isIP(host) === 0 ? host : undefined)
  return connectTls({
    host,
    port,
    rejectUnauthorized: tls.verify,
    ...(serverName === undefined ? {} : { servername: serverName }),
  })
}

/** The most that a datagram of IPv4 carries. */
export const MAX_DATAGRAM_BYTES = 65_507

/** Datagrams to one host, on one socket, which is opened when there is something to send. */
export class UdpSender {
  private readonly host: string
  private readonly port: number
  private socket: ReturnType<typeof createSocket> | undefined
  private closed = false

  constructor(host: string, port: number) {
    this.host = host
    this.port = port
  }

  /** Resolves when the system has taken them, in order. Rejects when it does not, or the name is not known. */
  async send(datagrams: readonly (string | Uint8Array)[], timeoutMs: number): Promise<void> {
    const socket = (this.socket ??= this.open())
    const deadline = performance.now() + timeoutMs
    for (const datagram of datagrams) {
      if (performance.now() > deadline) throw new Error(`they were not sent within ${timeoutMs} ms`)
      await new Promise<void>((resolve, reject) =>
        socket.send(datagram, this.port, this.host, (error) => (error === null ? resolve() : reject(error))),
      )
    }
  }

  close(): void {
    this.closed = true
    this.discard()
  }

  private open(): ReturnType<typeof createSocket> {
    if (this.closed) throw new Error('it is closed')
    const socket = createSocket(this.host.includes(':') ? 'udp6' : 'udp4')
    socket.on('error', () => this.discard())
    return socket.unref()
  }

  private discard(): void {
    this.socket?.close()
    this.socket = undefined
  }
}
