import { createSocket } from 'node:dgram'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTls } from 'node:tls'
import { buffer } from 'node:stream/consumers'

/** A TCP server that keeps what each connection brought until its end, and all that came so far. */
export interface TcpSink {
  readonly port: number
  /** What connections brought that have ended. */
  readonly connections: string[]
  readonly text: () => string
  readonly open: () => number
  /** Breaks all connections off. */
  reset(): void
  pause(): Promise<void>
  resume(): Promise<void>
  close(): Promise<void>
}

export async function startTcpSink(tls?: { readonly cert: string; readonly key: string }): Promise<TcpSink> {
  const connections: string[] = []
  const sockets = new Set<Socket>()
  let text = ''
  const listener = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    buffer(socket).then(
      (bytes) => {
        connections.push(bytes.toString())
        socket.end()
      },
      () => undefined,
    )
  }
  const server: Server = tls === undefined ? createServer(listener) : createTls(tls, listener)
  server.on('tlsClientError', () => undefined)
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const reset = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      reset()
    })
  return {
    port,
    connections,
    text: () => text,
    open: () => sockets.size,
    reset,
    pause,
    resume: () => listen(port),
    close: () => (server.listening ? pause() : Promise.resolve()),
  }
}

export interface UdpSink {
  readonly port: number
  readonly datagrams: Buffer[]
  close(): Promise<void>
}

export async function startUdpSink(): Promise<UdpSink> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304 })
  const datagrams: Buffer[] = []
  socket.on('message', (datagram) => datagrams.push(datagram))
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    port: socket.address().port,
    datagrams,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}
