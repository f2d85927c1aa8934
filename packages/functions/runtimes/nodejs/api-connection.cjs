'use strict'
const { connect } = require('node:net')

const READ_BYTES = 65_536
const HEAD_END = Buffer.from('\r\n\r\n')

/**
 * A keep-alive connection to the Runtime API. Answers come in the order of the requests, so that a response and the wish for the next event
 * travel in one write. On `node:net` because `node:http` costs most of a warm invocation, and 1 ms of a
 * cold start.
 */
class ApiConnection {
  /**
   * @param address `host:port`
   * @param lost called once when the connection has ended
   */
  constructor(address, lost) {
    const colon = address.lastIndexOf(':')
    this.host = address
    /** Who waits for answers, oldest first: `(status, head, bytes, from, to)`; the bytes are valid during the call only. */
    this.waiting = []
    /** Bytes of an answer whose head is not complete. */
    this.rest = undefined
    /** The answer whose body is coming. */
    this.head = undefined
    this.status = 0
    this.body = undefined
    this.filled = 0
    this.socket = connect({
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(READ_BYTES),
        callback: (length, buffer) => {
          this.read(buffer, length)
          return true
        },
      },
    })
    this.socket.on('error', ignore)
    this.socket.once('close', lost)
  }

  /** While the handler works this connection must not keep the process alive: an empty event loop ends an invocation. */
  hold(held) {
    if (held) this.socket.ref()
    else this.socket.unref()
  }

  read(buffer, length) {
    let from = 0
    if (this.body !== undefined) {
      from = Math.min(length, this.body.length - this.filled)
      buffer.copy(this.body, this.filled, 0, from)
      this.filled += from
      if (this.filled < this.body.length) return
      const { body } = this
      this.body = undefined
      this.waiting.shift()(this.status, this.head, body, 0, body.length)
    }
    if (from === length) return
    let bytes = buffer
    let end = length
    if (this.rest !== undefined) {
      bytes = Buffer.concat([this.rest, buffer.subarray(from, length)])
      this.rest = undefined
      from = 0
      end = bytes.length
    }
    this.parse(bytes, from, end)
  }

  parse(bytes, start, end) {
    let from = start
    while (from < end) {
      const headEnd = bytes.indexOf(HEAD_END, from)
      if (headEnd === -1 || headEnd + 4 > end) {
        this.rest = Buffer.from(bytes.subarray(from, end))
        return
      }
      const head = bytes.latin1Slice(from, headEnd)
      const status = Number(head.slice(9, 12))
      const length = contentLength(head)
      from = headEnd + 4
      if (from + length > end) {
        this.status = status
        this.head = head
        this.body = Buffer.allocUnsafe(length)
        this.filled = bytes.copy(this.body, 0, from, end)
        return
      }
      this.waiting.shift()(status, head, bytes, from, from + length)
      from += length
    }
  }
}

function contentLength(head) {
  const found = /\r\ncontent-length: *(\d+)/i.exec(head)
  return found === null ? 0 : Number(found[1])
}

function ignore() {}

module.exports = { ApiConnection }
