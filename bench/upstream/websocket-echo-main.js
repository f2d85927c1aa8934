// Echoes WebSocket messages: raw sockets, for a trusted benchmark on loopback. Messages are whole, shorter than 126 bytes and masked, as
// the load sends them; anything else ends the connection. A plain GET is answered 200, to tell that it is ready.
import { createServer } from 'node:net'
import { acceptKey } from './websocket-handshake.js'

const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Two bytes of head, four of the mask (RFC 6455 section 5.2). */
const MASKED_HEAD_BYTES = 6

class Echo {
  #socket
  #open = false
  /** @type {Buffer} */
  #rest = Buffer.alloc(0)

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('data', (bytes) => this.#read(bytes))
  }

  /** @param {Buffer} bytes */
  #read(bytes) {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    this.#rest = all.subarray(this.#open ? this.#echo(all) : this.#greet(all))
  }

  /** @param {Buffer} bytes */
  #greet(bytes) {
    const text = bytes.toString('latin1')
    if (!text.endsWith('\r\n\r\n')) return 0
    const key = /\r\nsec-websocket-key: *(\S+)/i.exec(text)?.[1]
    this.#open = key !== undefined
    const switching = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(key ?? '')}\r\n\r\n`
    this.#socket.write(key === undefined ? PLAIN : switching, 'latin1')
    return bytes.length
  }

  /** @param {Buffer} bytes */
  #echo(bytes) {
    let at = 0
    let out = ''
    while (bytes.length - at >= MASKED_HEAD_BYTES) {
      const length = bytes[at + 1] - 0x80
      if (length < 0 || length > 125) return this.#refuse(bytes)
      const end = at + MASKED_HEAD_BYTES + length
      if (bytes.length < end) break
      for (let index = 0; index < length; index++) bytes[at + MASKED_HEAD_BYTES + index] ^= bytes[at + 2 + (index & 3)]
      out += String.fromCharCode(bytes[at], length) + bytes.toString('latin1', at + MASKED_HEAD_BYTES, end)
      at = end
    }
    if (out !== '') this.#socket.write(out, 'latin1')
    return at
  }

  /** @param {Buffer} bytes */
  #refuse(bytes) {
    this.#socket.destroy()
    return bytes.length
  }
}

const server = createServer({ noDelay: true }, (socket) => new Echo(socket))
server.listen(Number(process.argv[2]), '127.0.0.1', 4096)
