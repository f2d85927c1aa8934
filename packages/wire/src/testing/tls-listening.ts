import { once } from 'node:events'
import { type AddressInfo, type Socket } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { ConnectionInfo } from '../sockets/connection-info.ts'
import { Listener, type ListenerOptions } from '../sockets/listener.ts'
import { serverTlsContext, type ServerTlsContext, type ServerTlsContextOptions } from '../tls/server-tls.ts'
import { AUTHORITY, EC_CERTIFICATE, EC_KEY } from './certificates.ts'
import { RecordingOwner } from './recording-owner.ts'

export const ECDSA = { cert: EC_CERTIFICATE, key: EC_KEY }

export const tlsContext = (options: Partial<ServerTlsContextOptions> = {}): ServerTlsContext =>
  serverTlsContext({ id: 'a', certs: [ECDSA], ...options })

/** A TLS listener whose protocol is to answer each read with what it got, in capitals, and to close when the client does. */
export class TlsListening {
  readonly opened: { readonly socket: Socket; readonly info: ConnectionInfo; readonly owner: RecordingOwner }[] = []
  readonly refused: string[] = []
  readonly listener: Listener
  private changed: () => void = () => undefined

  private constructor(listener: Listener) {
    this.listener = listener
  }

  static async start(context: ServerTlsContext, options: Partial<ListenerOptions> = {}): Promise<TlsListening> {
    const listener = await Listener.listen(
      { host: '127.0.0.1', port: 0 },
      {
        tls: { contextFor: () => context },
        maxConnections: 100,
        open: (socket, info) => self.open(socket, info),
        onRefused: (reason) => {
          self.refused.push(reason)
          self.changed()
        },
        ...options,
      },
    )
    const self: TlsListening = new TlsListening(listener)
    return self
  }

  private open(socket: Socket, info: ConnectionInfo): RecordingOwner {
    const owner = new RecordingOwner()
    owner.onText = (text) => socket.write(text.toUpperCase(), 'latin1')
    owner.onEnd = () => socket.end()
    this.opened.push({ socket, info, owner })
    this.changed()
    return owner
  }

  get port(): number {
    return (this.listener.address as AddressInfo).port
  }

  /** Resolves when `done` holds; asked again when a connection was opened, refused or closed. */
  async until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise<void>((resolve) => (this.changed = () => setImmediate(resolve)))
  }

  /** Every connection is closed, those that never got to their protocol too. */
  async empty(): Promise<void> {
    while (this.listener.connections > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  /** The handshake's end, or its error. */
  async connect(options: ConnectionOptions = {}): Promise<TLSSocket> {
    const client = connect({ port: this.port, host: '127.0.0.1', servername: 'a.test', ca: AUTHORITY, ...options })
    await once(client, 'secureConnect')
    return client
  }

  /** What is answered to `text`, when the connection has been through. */
  async talk(client: TLSSocket, text = 'hello'): Promise<string> {
    client.write(text)
    let answer = ''
    while (answer.length < text.length) answer += String(((await once(client, 'data')) as [Buffer])[0])
    return answer
  }

  stop(): void {
    this.listener.stopAccepting()
    this.listener.closeUnopened()
    for (const { socket } of this.opened) socket.destroy()
  }
}
