import { connect, type Socket } from 'node:net'
import { ByteReader, type RawMessage } from './byte-reader.ts'
import { releaseLater } from './resources.ts'

/** A client on a plain socket: sends what it is told, byte for byte. */
export class RawClient {
  readonly socket: Socket
  readonly reader: ByteReader
  /** Resolves when the connection is gone; with the error if it was lost. */
  readonly closed: Promise<Error | undefined>

  private constructor(socket: Socket) {
    this.socket = socket
    this.reader = new ByteReader(socket)
    this.closed = new Promise((resolve) => socket.once('close', () => resolve(this.reader.error)))
    releaseLater(() => void socket.destroy())
  }

  static connect(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RawClient(socket))
      })
    })
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Resolves when the bytes were handed to the kernel. */
  sendAll(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(text, 'latin1', (error) => (error ? reject(error) : resolve()))
    })
  }

  /** FIN: no more requests, but answers are still read. */
  end(): void {
    this.socket.end()
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }

  response(bodyless = false): Promise<RawMessage> {
    return this.reader.message(bodyless)
  }

  /** One request without a body, and its response. */
  async get(path = '/', fields = ''): Promise<RawMessage> {
    this.send(`GET ${path} HTTP/1.1\r\nHost: client.test\r\n${fields}\r\n`)
    return this.response()
  }

  async post(path: string, body: string, fields = ''): Promise<RawMessage> {
    this.send(`POST ${path} HTTP/1.1\r\nHost: client.test\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`)
    return this.response()
  }
}

export const statusOf = (message: RawMessage): number => Number(message.line.split(' ')[1])

/** A body in chunks of the given pieces. */
export const chunked = (pieces: readonly string[], trailers = ''): string =>
  pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('') + `0\r\n${trailers}\r\n`
