import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createHttp2Server, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'

/** A WebSocket server that sends back what it gets, as `ws` reads and writes it, over HTTP/1.1 or HTTP/2. */
export interface EchoUpstream {
  readonly port: number
  readonly sockets: WebSocket[]
  stop(): Promise<void>
}

const echo = (socket: WebSocket): void => {
  socket.on('message', (data, binary) => socket.send(data as Buffer, { binary }))
  socket.on('error', () => undefined)
}

export async function startEcho(version: 'h1' | 'h2', perMessageDeflate = false): Promise<EchoUpstream> {
  const sockets: WebSocket[] = []
  const accept = (socket: WebSocket): void => {
    sockets.push(socket)
    echo(socket)
  }
  const server: Server | Http2Server = version === 'h1' ? h1Server(accept, perMessageDeflate) : h2Server(accept)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    stop: async () => {
      for (const socket of sockets) socket.terminate()
      server.close()
      if ('closeAllConnections' in server) server.closeAllConnections()
    },
  }
}

function h1Server(accept: (socket: WebSocket) => void, perMessageDeflate: boolean): Server {
  const server = createServer((_, response) => response.writeHead(426).end())
  const sockets = new WebSocketServer({
    server,
    perMessageDeflate,
    handleProtocols: (offered) => [...offered][0] ?? false,
  })
  sockets.on('connection', accept)
  return server
}

/** What `ws` does behind its handshake, on a stream of HTTP/2: the one thing of it that has no public name. */
type Handed = WebSocket & { setSocket(socket: Duplex, head: Buffer, options: object): void }

function h2Server(accept: (socket: WebSocket) => void): Http2Server {
  const server = createHttp2Server({ settings: { enableConnectProtocol: true } })
  server.on('stream', (stream, fields) => {
    stream.on('error', () => undefined)
    if (fields[':method'] !== 'CONNECT' || fields[':protocol'] !== 'websocket') {
      stream.respond({ ':status': 426 }, { endStream: true })
      return
    }
    stream.respond({ ':status': 200 })
    const socket = new WebSocket(null as never, undefined, { autoPong: true }) as Handed
    Object.assign(socket, { _isServer: true })
    Object.assign(stream, { setNoDelay: () => undefined, setTimeout: () => stream })
    socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 0, skipUTF8Validation: true })
    accept(socket)
  })
  return server
}
