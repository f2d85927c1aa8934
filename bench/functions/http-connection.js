import { once } from 'node:events'
import { connect } from 'node:net'

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} head
 * @property {string} body
 */

/** A connection that asks for one thing at a time, on a raw socket: it costs a tenth of what `node:http` does, and it is measured with. */
export class HttpConnection {
  #socket
  /** @type {Buffer} */
  #unread = Buffer.alloc(0)
  /** @type {((answer: Answer) => void) | undefined} */
  #resolve
  /** @type {((error: Error) => void) | undefined} */
  #reject

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.#socket = socket.setNoDelay()
    socket.on('data', (bytes) => this.#receive(bytes))
    socket.on('error', (error) => this.#reject?.(error))
    socket.on('close', () => this.#reject?.(new Error('the engine closed the connection')))
  }

  /** @param {number} port */
  static async open(port) {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new HttpConnection(socket)
  }

  /**
   * @param {string | Buffer} request as `requestBytes` makes it
   * @returns {Promise<Answer>}
   */
  ask(request) {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#socket.write(request)
    })
  }

  close() {
    this.#reject = undefined
    this.#socket.destroy()
  }

  /** @param {Buffer} bytes */
  #receive(bytes) {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes])
    const end = this.#unread.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#unread.toString('latin1', 0, end)
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#unread.length < end + 4 + length) return
    const body = this.#unread.toString('utf8', end + 4, end + 4 + length)
    this.#unread = this.#unread.subarray(end + 4 + length)
    const resolve = this.#resolve
    this.#resolve = this.#reject = undefined
    resolve?.({ status: Number(head.slice(9, 12)), head, body })
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {string} [body]
 * @param {string} [headers] lines that end in CRLF
 */
export function requestBytes(method, path, body = '', headers = '') {
  const length = Buffer.byteLength(body)
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}Content-Length: ${length}\r\n\r\n${body}`,
  )
}
