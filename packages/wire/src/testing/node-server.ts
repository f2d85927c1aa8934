import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import type { Interpretation, Understood } from './interpret.ts'
import { settle } from './memory-socket.ts'

/** The client's end of a connection to a server of Node's, without a network; and what that server makes of it. */
class Client extends Duplex {
  readonly requests: Understood[] = []
  refused: string | undefined
  written = ''
  /** Counts whatever the server does, to see when it does nothing more. */
  events = 0

  override _read(): void {}
  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.events++
    this.written += chunk.toString('latin1')
    done()
  }

  refuse(reason: string): void {
    this.events++
    this.refused ??= reason
  }

  /** Resolves when nothing has happened for a few turns of the event loop. */
  async quiet(): Promise<void> {
    for (let turns = 0, seen = this.events; turns < 4; turns++) {
      await settle()
      if (this.events === seen) continue
      seen = this.events
      turns = 0
    }
  }
}

const pairs = (raw: readonly string[]): [string, string][] =>
  Array.from({ length: raw.length / 2 }, (_, at) => [raw[at * 2], raw[at * 2 + 1]])

/** What Node's own strict parser (llhttp, as `node:http` uses it) makes of the bytes of one connection. */
export class NodeServer {
  private readonly server: Server

  constructor() {
    this.server = createServer({ insecureHTTPParser: false, keepAliveTimeout: 0, connectionsCheckingInterval: 2 ** 30 })
    this.server.on('request', collect)
    // Nothing is destroyed here: the requests before the refused one are still on their way to their listener.
    this.server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) =>
      clientOf(socket).refuse(error.code ?? error.message),
    )
    this.server.on('checkExpectation', (request: IncomingMessage) => clientOf(request.socket).refuse('EXPECTATION'))
    this.server.on('connect', (_: IncomingMessage, socket: Duplex) => clientOf(socket).refuse('CONNECT'))
    // Without a listener Node treats an upgrade as a usual request, as we do here.
  }

  async interpret(bytes: string): Promise<Interpretation> {
    const client = new Client()
    client.on('error', () => {})
    this.server.emit('connection', client)
    client.push(Buffer.from(bytes, 'latin1'))
    await client.quiet()
    // FIN comes later: Node drops what it has not answered by then.
    client.push(null)
    await client.quiet()
    client.destroy()
    return { requests: client.requests, end: outcome(client) }
  }
}

function outcome({ refused, written }: Client): string {
  if (refused === 'HPE_INVALID_EOF_STATE' || refused === 'ECONNRESET') return 'incomplete'
  // Bytes behind a request that asked for the close are dropped here and there.
  if (refused === 'HPE_CLOSED_CONNECTION') return 'ok'
  const status = /^HTTP\/1\.1 ([45]\d\d)/m.exec(written)?.[1]
  return refused ?? (status === undefined ? 'ok' : `status ${status}`)
}

function clientOf(socket: Duplex): Client {
  if (socket instanceof Client) return socket
  throw new Error('not a connection of this test')
}

function collect(request: IncomingMessage, response: ServerResponse): void {
  const client = clientOf(request.socket)
  client.events++
  let body = ''
  request.setEncoding('latin1')
  request.on('error', () => {})
  request.on('data', (text: string) => (body += text))
  request.on('end', () => {
    client.requests.push({
      method: request.method ?? '',
      target: request.url ?? '',
      version: request.httpVersion,
      fields: pairs(request.rawHeaders),
      body,
      trailers: pairs(request.rawTrailers),
    })
    response.end()
  })
}
