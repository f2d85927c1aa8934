import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { UpstreamAddress } from '../pools/upstream-address.ts'

/** An upstream of bytes on a real socket: it says what the test says. */
export class RawServer {
  readonly sockets: Socket[] = []
  private readonly server: Server

  private constructor(server: Server) {
    this.server = server
  }

  /** @param onText told each read of each connection, in latin1 */
  static async start(onText: (socket: Socket, text: string) => void = () => {}): Promise<RawServer> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const self = new RawServer(server)
    server.on('connection', (socket) => {
      self.sockets.push(socket)
      socket.setEncoding('latin1')
      socket.on('data', (text: string) => onText(socket, text))
      socket.on('error', () => {})
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return self
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get address(): UpstreamAddress {
    return {
      host: '127.0.0.1',
      port: this.port,
      name: '127.0.0.1',
      tls: undefined,
      localAddress: undefined,
      group: '',
      protocol: 'http/1.1',
    }
  }

  /** The connection accepted next, or the `at`th of them. */
  async connection(at: number): Promise<Socket> {
    while (this.sockets.length <= at) await once(this.server, 'connection')
    return this.sockets[at]
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }
}
