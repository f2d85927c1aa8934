import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { echoWebSocket } from './web-socket-echo.ts'

/** A small upstream that runs in this process. */
export interface DemoService {
  readonly port: number
  close(): Promise<void>
}

/** Answers every request with what it got of it, and echoes on WebSockets. `name` tells one service from another. */
export async function startDemoService(name: string): Promise<DemoService> {
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => answer(name, request, response))
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (request, socket, head) => echoWebSocket(request, socket as Socket, head))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        // Tunnels are no longer the server's, so closeAllConnections() would leave them.
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function answer(name: string, request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  const { method, url: path, headers } = request
  const consumer = headers['x-consumer-username']
  const seen = {
    service: name,
    method,
    path,
    ...(consumer === undefined ? {} : { consumer }),
    via: headers['x-forwarded-for'],
  }
  const body = `${JSON.stringify(seen)}\n`
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(method === 'HEAD' ? undefined : body)
}
