import { connect } from 'node:net'

/**
 * Sockets read into one buffer: a read is handed over before the next one starts, so nothing is overwritten.
 * 64 KiB is what Node.js itself would allocate for each read.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536)

/** A head is a few hundred bytes here; something that never ends it is not a web server. */
const MAX_HEAD_CHARS = 32_768

/** Wait this long before a connection that could not be made is tried again. */
const RECONNECT_DELAY_MS = 10

/**
 * What a connection tells its owner.
 * @typedef {object} ConnectionOwner
 * @property {(connection: RawConnection) => void} onIdle it is open and may take a request
 * @property {(connection: RawConnection, status: number, firstBodyChar: number) => void} onReply before onIdle
 * @property {(connection: RawConnection) => void} onLost it closed while a request was unanswered
 * @property {(connection: RawConnection) => void} onClosed it closed without owing an answer
 */

/**
 * One keep-alive connection with at most one request on it. It understands answers with a Content-Length, which is
 * all that the upstream sends; `node:http` would cost more than the proxies that are measured. It connects again
 * after a loss until `shut` is called.
 */
export class RawConnection {
  /** Free for the owner: which request is on it, and when it was due (milliseconds of performance.now()). */
  request = -1
  dueAt = 0
  recorded = false

  #port
  #owner
  /** @type {import('node:net').Socket | undefined} */
  #socket
  #busy = false
  #shut = false
  #closing = false
  #head = ''
  #bodyLeft = 0
  #status = 0
  #firstBodyChar = -1
  #inBody = false

  /**
   * @param {number} port
   * @param {ConnectionOwner} owner
   */
  constructor(port, owner) {
    this.#port = port
    this.#owner = owner
  }

  open() {
    const socket = connect({
      host: '127.0.0.1',
      port: this.#port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          this.#read(length)
          return true
        },
      },
    })
    this.#socket = socket
    socket.on('connect', () => this.#owner.onIdle(this))
    socket.on('error', () => {}) // 'close' follows and is where it is counted
    socket.on('close', () => this.#closed(socket))
  }

  /** @param {string} text a whole request, latin1 */
  send(text) {
    this.#busy = true
    this.#socket?.write(text, 'latin1')
  }

  shut() {
    this.#shut = true
    this.#socket?.destroy()
  }

  /** @param {number} length */
  #read(length) {
    if (this.#inBody) {
      this.#bodyLeft -= length
    } else {
      this.#head += readBuffer.toString('latin1', 0, length)
      if (!this.#parseHead()) return
    }
    if (this.#bodyLeft > 0) return
    this.#inBody = false
    this.#busy = false
    this.#owner.onReply(this, this.#status, this.#firstBodyChar)
    if (this.#closing) this.#socket?.destroy()
    else if (!this.#shut) this.#owner.onIdle(this)
  }

  /** True when the head is complete: then #status and #bodyLeft are set. */
  #parseHead() {
    const head = this.#head
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) {
      if (head.length > MAX_HEAD_CHARS) this.#socket?.destroy()
      return false
    }
    const length = /\r\ncontent-length: *(\d+)\r/i.exec(head)
    if (length === null) throw new Error(`an answer without Content-Length: ${JSON.stringify(head.slice(0, end))}`)
    this.#status = Number(head.slice(9, 12))
    this.#bodyLeft = Number(length[1]) - (head.length - end - 4)
    this.#firstBodyChar = head.length > end + 4 ? head.charCodeAt(end + 4) : -1
    this.#closing = /\r\nconnection: *close\r/i.test(head)
    this.#inBody = true
    this.#head = ''
    return true
  }

  /** @param {import('node:net').Socket} socket */
  #closed(socket) {
    if (socket !== this.#socket) return
    const owed = this.#busy
    this.#busy = this.#inBody = this.#closing = false
    this.#head = ''
    if (owed) this.#owner.onLost(this)
    else this.#owner.onClosed(this)
    if (!this.#shut) setTimeout(() => this.#shut || this.open(), RECONNECT_DELAY_MS)
  }
}
