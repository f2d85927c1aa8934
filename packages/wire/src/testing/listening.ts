import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Deadlines } from '../clock/deadlines.ts'
import { H1ServerConnection, type ServerConnectionOptions } from '../h1/server-connection.ts'
import { DEFAULT_H1_LIMITS, type H1Limits } from '../limits.ts'
import { ClientEnd } from '../sockets/client-end.ts'
import { Listener, type ListenerOptions, type ListenTarget } from '../sockets/listener.ts'
import { RecordingHandler, type RecordedRequest } from './server-side.ts'

/** A listener of ours on a real socket, and what its handler has met. */
export interface Listening {
  readonly listener: Listener
  readonly handler: RecordingHandler
  readonly options: ServerConnectionOptions
  readonly connections: H1ServerConnection[]
  readonly port: number
  overloads: number
  stop(): void
}

export async function listen(
  onEach: (request: RecordedRequest) => void,
  limits: Partial<H1Limits> = {},
  target: ListenTarget = { host: '127.0.0.1', port: 0 },
  accepting: Partial<ListenerOptions> = {},
): Promise<Listening> {
  const handler = new RecordingHandler(onEach)
  const options = { handler, limits: { ...DEFAULT_H1_LIMITS, ...limits }, deadlines: new Deadlines(), draining: false }
  const connections: H1ServerConnection[] = []
  const listener = await Listener.listen(target, {
    ...accepting,
    open: (socket, info) => {
      const connection = new H1ServerConnection(socket, options, new ClientEnd(socket, info))
      connections.push(connection)
      return connection
    },
    maxConnections: options.limits.maxConnections,
    onOverload: () => listening.overloads++,
  })
  const listening: Listening = {
    listener,
    handler,
    options,
    connections,
    port: typeof listener.address === 'string' ? 0 : listener.address.port,
    overloads: 0,
    stop: () => {
      listener.stopAccepting()
      for (const connection of connections) connection.destroy()
    },
  }
  return listening
}

/** A client of bytes on a real socket. */
export class RawClient {
  readonly socket: Socket
  received = ''
  private readonly ended: Promise<unknown>

  constructor(target: { port: number } | { path: string }) {
    this.socket = connect({ host: '127.0.0.1', allowHalfOpen: true, noDelay: true, ...target })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (text: string) => (this.received += text))
    this.socket.on('error', () => {})
    this.ended = new Promise((resolve) => this.socket.once('end', resolve).once('close', resolve))
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Resolves when what was received ends in `text`. */
  async until(text: string): Promise<string> {
    while (!this.received.endsWith(text)) {
      if (this.socket.readableEnded || this.socket.destroyed)
        throw new Error(`closed after ${JSON.stringify(this.received)}`)
      await Promise.race([once(this.socket, 'data'), this.ended])
    }
    return this.received
  }

  /** All that was received until the other side closed. */
  async untilEnd(): Promise<string> {
    await this.ended
    return this.received
  }
}
