'use strict'
const { Writable } = require('node:stream')
const { logError } = require('./console.cjs')
const { contextOf } = require('./context.cjs')
const { RuntimeFailure, describeError, headerText } = require('./failure.cjs')
const { HIGH_WATER_MARK } = require('./handler-loader.cjs')

const TYPE_TRAILER = 'Lambda-Runtime-Function-Error-Type'
const BODY_TRAILER = 'Lambda-Runtime-Function-Error-Body'
const INTEGRATION_RESPONSE = 'application/vnd.awslambda.http-integration-response'
/** Between the prelude and the body. */
const DELIMITER = Buffer.alloc(8)

/** What a streaming handler writes its response to. Each write is a chunk of the POST. */
class ResponseStream extends Writable {
  constructor(loop, requestId, highWaterMark) {
    super(highWaterMark === undefined ? {} : { highWaterMark })
    this.loop = loop
    this.requestId = requestId
    this.contentType = 'application/octet-stream'
    /** The head of the POST is out. */
    this.begun = false
    /** The POST is complete. */
    this.complete = false
    this.onAnswered = undefined
    /** Set by `HttpResponseStream.from`: writes what comes before the body. */
    this._onBeforeFirstWrite = undefined
    this.on('error', ignore)
  }

  setContentType(type) {
    if (this.begun) throw new RuntimeFailure('InvalidStreamingOperation', 'Cannot set content-type, too late.')
    this.contentType = String(type).replace(/[\r\n]/g, '')
  }

  write(chunk, encoding, callback) {
    const plain = typeof chunk === 'string' || chunk instanceof Uint8Array || chunk === null
    return super.write(plain ? chunk : JSON.stringify(chunk), encoding, callback)
  }

  _write(chunk, _encoding, callback) {
    this.open()
    this.send(chunk, callback)
  }

  _final(callback) {
    this.open()
    this.finish('', callback)
  }

  open() {
    if (this.begun) return
    this.begun = true
    const { connection } = this.loop
    connection.hold(true)
    connection.waiting.push(() => this.onAnswered())
    connection.socket.write(
      `POST /2018-06-01/runtime/invocation/${this.requestId}/response HTTP/1.1\r\nHost: ${connection.host}\r\n` +
        `Content-Type: ${this.contentType}\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n` +
        `Trailer: ${TYPE_TRAILER}, ${BODY_TRAILER}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    this._onBeforeFirstWrite?.((bytes) => this.send(Buffer.from(bytes)))
  }

  send(bytes, callback) {
    // A chunk of no bytes would be the last one.
    if (bytes.length === 0) return callback?.()
    const { socket } = this.loop.connection
    socket.cork()
    socket.write(`${bytes.length.toString(16)}\r\n`, 'latin1')
    socket.write(bytes)
    socket.write('\r\n', 'latin1', callback)
    socket.uncork()
  }

  finish(trailers, callback) {
    this.complete = true
    this.loop.connection.socket.write(`0\r\n${trailers}\r\n`, 'latin1', callback)
  }

  /** Ends the POST with the error in its trailers. */
  finishWithError(error) {
    const described = describeError(error)
    const body = Buffer.from(JSON.stringify(described)).toString('base64')
    this.finish(`${TYPE_TRAILER}: ${headerText(described.errorType)}\r\n${BODY_TRAILER}: ${body}\r\n`)
  }
}

/** `awslambda.HttpResponseStream`: status and headers of an answer over HTTP go before the body. */
const HttpResponseStream = {
  from(stream, prelude) {
    stream.setContentType(INTEGRATION_RESPONSE)
    stream._onBeforeFirstWrite = (write) => {
      write(JSON.stringify(prelude))
      write(DELIMITER)
    }
    return stream
  },
}

/** One event of a handler made by `awslambda.streamifyResponse`. It is over when the promise is settled and the response is out. */
class StreamingInvocation {
  constructor(loop, event) {
    this.loop = loop
    this.event = event
    this.over = false
    this.left = 2
    this.answered = loop.next
    this.stream = new ResponseStream(loop, event.requestId, loop.handler[HIGH_WATER_MARK])
    this.stream.onAnswered = () => this.oneLess()
    this.stream.once('close', () => {
      if (!this.stream.complete) this.cut = true
      if (this.left === 1) this.checkCut()
    })
  }

  begin(payload) {
    try {
      const { loop } = this
      const context = contextOf(this.event, loop.callbacks ? this : undefined)
      const returned = loop.handler(payload, this.stream, context)
      if (typeof returned?.then !== 'function') throw new Error('Streaming does not support non-async handlers.')
      returned.then(
        (result) => this.returned(result),
        (error) => this.fail(error),
      )
    } catch (error) {
      this.fail(error)
    }
  }

  returned(result) {
    if (this.over) return
    if (result !== undefined) console.warn('Streaming handlers ignore return values.')
    this.oneLess()
    this.checkCut()
  }

  /** Somebody destroyed the stream before its end, and the handler knows nothing of it. */
  checkCut() {
    if (this.cut === true) this.fail(new Error('Response stream is not finished.'))
  }

  oneLess() {
    if (--this.left > 0) return
    this.over = true
    this.answered()
  }

  fail(error, answered = this.loop.next, what = 'Invoke Error') {
    if (this.over) return
    this.over = true
    logError(what, error)
    const { stream, loop } = this
    if (!stream.begun) return loop.respondError(this.event.requestId, error, answered)
    stream.onAnswered = answered
    // What was complete before the handler failed stays as it is; its answer may have come already.
    if (!stream.complete) stream.finishWithError(error)
    else if (this.left === 1) answered()
  }
}

function ignore() {}

module.exports = { StreamingInvocation, HttpResponseStream }
