import type { Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A server that sends its name, then echoes; until the test is finished. Returns `host:port`. */
export async function startNamed(name: string): Promise<string> {
  return startServer((socket) => {
    socket.write(`${name}\n`)
    socket.pipe(socket)
  })
}

export async function startServer(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** All that comes back when `text` is sent and the sending side closed; '' when the connection is closed at once. */
export async function exchange(port: number, text: string, from = '127.0.0.1'): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: from })
  socket.on('error', () => {})
  let received = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk))
  socket.end(text)
  await once(socket, 'close')
  return received
}

/** A connection that is open and whose first line has come. */
export async function opened(port: number): Promise<{ socket: Socket; line: string }> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  const [line] = (await once(socket, 'data')) as [Buffer]
  return { socket, line: line.toString() }
}

export async function ask(socket: UdpSocket, port: number, text: string): Promise<string> {
  const answer = once(socket, 'message')
  socket.send(text, port, '127.0.0.1')
  return String((await answer)[0])
}
