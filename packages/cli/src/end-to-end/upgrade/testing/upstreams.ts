import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { startByteService } from '../../../../../gateway/src/grpc/testing/byte-service.ts'
import { bodyFor } from './http-load.ts'

export interface Upstreams {
  readonly http: number
  readonly webSocket: number
  readonly grpc: string
  /** Close codes that WebSockets of the gateway ended with, as this side saw them. */
  readonly closeCodes: readonly number[]
  stop(): Promise<void>
}

/** An upstream of each kind. That of HTTP/1.1 does no more than it must, as it shares its core with the load. */
export async function startUpstreams(): Promise<Upstreams> {
  const sockets = new Set<Socket>()
  const http = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let received = ''
    socket.on('data', (bytes: Buffer) => {
      received += bytes.toString('latin1')
      for (let end = received.indexOf('\r\n\r\n'); end !== -1; end = received.indexOf('\r\n\r\n')) {
        const body = bodyFor(received.slice(4, received.indexOf(' ', 4)))
        received = received.slice(end + 4)
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      }
    })
  })
  await listen(http)
  const webSockets = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await new Promise((resolve) => webSockets.once('listening', resolve))
  const closeCodes: number[] = []
  webSockets.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data as Buffer, { binary }))
    socket.on('close', (code) => closeCodes.push(code))
    socket.on('error', () => undefined)
  })
  const grpc = await startByteService()
  return {
    http: (http.address() as AddressInfo).port,
    webSocket: (webSockets.address() as AddressInfo).port,
    grpc: grpc.address,
    closeCodes,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      for (const client of webSockets.clients) client.terminate()
      grpc.stop()
      await Promise.all([close(http), new Promise((resolve) => webSockets.close(resolve))])
    },
  }
}

const listen = (server: Server): Promise<void> => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
