import { connect } from 'node:net'
import { acceptKey } from '../upstream/websocket-handshake.js'

/** Sixteen bytes (RFC 6455 section 4.1), the same for all: nothing here caches. */
const KEY = Buffer.from('sekisho-bench-16').toString('base64')

const HANDSHAKE = `GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`

const TEXT = 'A message of thirty-three bytes.\n'

/** What goes out: final text frame, masked. The same mask each time: nothing between here and the echo looks at it. */
const MESSAGE = masked(TEXT)

/** What comes back: the same without a mask. */
const ECHO = `${String.fromCharCode(0x81, TEXT.length)}${TEXT}`

/** A read is handed over before the next one starts, so all sockets share the buffer. */
const readBuffer = Buffer.allocUnsafeSlow(65_536)

/**
 * One WebSocket with one message in flight: the next one is sent when the echo is there, and `onEcho` was called.
 */
export class WebSocketClient {
  #socket
  #onEcho
  #onFailure
  #received = ''
  #open = false
  sentAt = 0

  /**
   * @param {number} port
   * @param {(client: WebSocketClient) => boolean} onEcho true: send another
   * @param {(reason: string) => void} onFailure at most once, and nothing after it
   */
  constructor(port, onEcho, onFailure) {
    this.#onEcho = onEcho
    this.#onFailure = onFailure
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          this.#read(readBuffer.toString('latin1', 0, length))
          return true
        },
      },
    })
    this.#socket.on('connect', () => this.#socket.write(HANDSHAKE, 'latin1'))
    this.#socket.on('error', (error) => this.#fail(error.message))
    this.#socket.on('close', () => this.#fail('the connection was closed'))
  }

  close() {
    this.#onFailure = () => {}
    this.#socket.destroy()
  }

  /** @param {string} text */
  #read(text) {
    this.#received = this.#received === '' ? text : this.#received + text
    if (!this.#open) this.#switch()
    else if (this.#received.length >= ECHO.length) this.#echoed()
  }

  #switch() {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.slice(0, end)
    const accepted = /\r\nsec-websocket-accept: *(\S+)/i.exec(head)?.[1]
    if (!head.startsWith('HTTP/1.1 101 ') || accepted !== acceptKey(KEY)) return this.#fail(`answered ${head}`)
    this.#open = true
    this.#received = ''
    this.#send()
  }

  #echoed() {
    if (this.#received !== ECHO) return this.#fail('the echo is not the message')
    this.#received = ''
    if (this.#onEcho(this)) this.#send()
  }

  #send() {
    this.sentAt = performance.now()
    this.#socket.write(MESSAGE, 'latin1')
  }

  /** @param {string} reason */
  #fail(reason) {
    const tell = this.#onFailure
    this.close()
    tell(reason)
  }
}

/** A whole text message (RFC 6455 section 5.2), as latin1. @param {string} text shorter than 126 */
function masked(text) {
  const mask = [0x12, 0x34, 0x56, 0x78]
  const body = Array.from(text, (char, index) => char.charCodeAt(0) ^ mask[index & 3])
  return String.fromCharCode(0x81, 0x80 | text.length, ...mask, ...body)
}
