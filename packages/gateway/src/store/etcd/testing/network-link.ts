import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A network between a client and a port of this machine, which can be cut without either side being told. */
export class NetworkLink {
  readonly url: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #cut = false
  #losing: string | undefined
  #cutting: string | undefined
  /** How many pieces of answers were lost. */
  lost = 0

  private constructor(server: Server, port: number) {
    this.#server = server
    this.url = `http://127.0.0.1:${port}`
  }

  static async to(port: number): Promise<NetworkLink> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const link = new NetworkLink(server, (server.address() as AddressInfo).port)
    server.on('connection', (near) => link.#join(near, port))
    return link
  }

  /** From here on nothing passes in either direction, and connections that are tried are accepted and never answered. */
  cut(): void {
    this.#cut = true
    for (const socket of this.#sockets) {
      socket.unpipe()
      socket.pause()
    }
  }

  /** Lets a request that contains a text pass, and nothing of what its connection brings back. */
  loseNextAnswer(to: string): void {
    this.#losing = to
  }

  /** Cuts when a request that contains a text has passed. */
  cutAfter(text: string): void {
    this.#cutting = text
  }

  /** New connections work again; those of before stay dead. */
  heal(): void {
    this.#cut = false
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server.close(), 'close')
  }

  #join(near: Socket, port: number): void {
    this.#keep(near)
    if (this.#cut) return
    const far = connect(port, '127.0.0.1')
    this.#keep(far)
    near.pipe(far).pipe(near)
    near.on('data', (chunk: Buffer) => {
      if (this.#cutting !== undefined && chunk.includes(this.#cutting)) this.cut()
      // The first request with the text reads; the one with an author in it writes.
      if (this.#losing === undefined || !chunk.includes(this.#losing) || !chunk.includes('author')) return
      this.#losing = undefined
      far.unpipe(near)
      far.on('data', () => this.lost++)
      far.resume()
    })
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
