'use strict'
const { ApiConnection } = require('./api-connection.cjs')
const { contextOf, eventOf } = require('./context.cjs')
const invokeStore = require('./invoke-store.cjs')
const { logError } = require('./console.cjs')
const { callbacks, STREAMING } = require('./handler-loader.cjs')

const RUNTIME = '/2018-06-01/runtime'
/** Up to this many bytes head and body of a response are one string and one write. */
const SMALL = 16_384

/** Takes events one after the other from a connection of its own, and gives them to the handler. */
class InvocationLoop {
  /** @param tracing whether `_X_AMZN_TRACE_ID` is this loop's to set: false when there are several */
  constructor(address, store, tracing) {
    this.store = store
    this.tracing = tracing
    this.callbacks = callbacks()
    this.handler = undefined
    this.current = undefined
    this.connection = new ApiConnection(address, () => process.exit(1))
    // While modules load nothing is asked: a module that waits for what never comes must end the process.
    this.connection.hold(false)
    this.nextRequest = `GET ${RUNTIME}/invocation/next HTTP/1.1\r\nHost: ${address}\r\n\r\n`
    if (this.callbacks) process.on('beforeExit', () => this.current?.onEmptyEventLoop?.())
  }

  start(handler) {
    this.handler = handler
    this.streaming = handler[STREAMING] === 'response'
    this.next()
  }

  /** Asks for the next event. */
  next = () => {
    const { connection } = this
    this.current = undefined
    connection.hold(true)
    connection.waiting.push(this.onEvent)
    connection.socket.write(this.nextRequest, 'latin1')
  }

  onEvent = (status, head, bytes, from, to) => {
    if (status !== 200) {
      logError('Runtime Error', new Error(`${RUNTIME}/invocation/next: ${head.slice(0, head.indexOf('\r\n'))}`))
      process.exit(1)
    }
    const event = eventOf(head)
    event.text = bytes.utf8Slice(from, to)
    if (this.tracing) setTrace(event.traceId)
    this.connection.hold(false)
    this.event = event
    this.store.run(invokeStore.contextOf(event), this.begin)
  }

  begin = () => {
    const { event } = this
    const Kind = this.streaming ? require('./streaming.cjs').StreamingInvocation : BufferedInvocation
    const invocation = new Kind(this, event)
    this.current = invocation
    let payload
    try {
      payload = JSON.parse(event.text)
    } catch (error) {
      return invocation.fail(error)
    }
    event.text = undefined
    invocation.begin(payload)
  }

  /** Sends a whole response, and asks for the next event in the same write. */
  respond(requestId, json) {
    const { connection } = this
    const length = Buffer.byteLength(json)
    const head =
      `POST ${RUNTIME}/invocation/${requestId}/response HTTP/1.1\r\nHost: ${connection.host}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
    this.current = undefined
    connection.hold(true)
    connection.waiting.push(ignore, this.onEvent)
    const { socket } = connection
    if (length > SMALL) {
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(json)
      socket.write(this.nextRequest, 'latin1')
      socket.uncork()
    } else {
      socket.write(head + json + this.nextRequest, length === json.length ? 'latin1' : 'utf8')
    }
  }

  /** Tells that the invocation failed, then goes on with `answered`. */
  respondError(requestId, error, answered = this.next) {
    this.postError(`${RUNTIME}/invocation/${requestId}/error`, error, answered)
  }

  initFailed(error, answered) {
    this.postError(`${RUNTIME}/init/error`, error, answered)
  }

  postError(path, error, answered) {
    const { connection } = this
    this.current = undefined
    connection.hold(true)
    connection.waiting.push(answered)
    connection.socket.write(require('./failure.cjs').errorRequest(path, connection.host, error))
  }
}

/** One event whose handler returns its result, promises it, or calls back. */
class BufferedInvocation {
  constructor(loop, event) {
    this.loop = loop
    this.event = event
    this.over = false
    /** `context.callbackWaitsForEmptyEventLoop` */
    this.waits = true
    /** What the callback was given, while it waits. */
    this.result = undefined
  }

  begin(payload) {
    const { handler, callbacks: old } = this.loop
    let returned
    try {
      returned = old
        ? handler(payload, contextOf(this.event, this), (error, result) => this.callback(error, result))
        : handler(payload, contextOf(this.event, undefined))
    } catch (error) {
      return this.fail(error)
    }
    if (typeof returned?.then === 'function') {
      returned.then(
        (result) => this.succeed(result),
        (error) => this.fail(error),
      )
    } else if (!old || (returned !== undefined && handler.length < 3)) {
      this.succeed(returned)
    }
    // Else it calls back, or its event loop runs empty.
  }

  callback(error, result) {
    if (error !== undefined && error !== null) this.fail(error)
    else if (this.waits) this.result = result
    else this.succeed(result)
  }

  done(error, result) {
    if (error !== undefined && error !== null) this.fail(error)
    else this.succeed(result)
  }

  onEmptyEventLoop() {
    this.succeed(this.result)
  }

  succeed(result) {
    if (this.over) return
    let json
    try {
      json = JSON.stringify(result) ?? 'null'
    } catch {
      const { RuntimeFailure } = require('./failure.cjs')
      return this.fail(new RuntimeFailure('JSONStringifyError', 'Unable to stringify response body'))
    }
    this.over = true
    this.loop.respond(this.event.requestId, json)
  }

  /** @param answered what to do afterwards; the next event unless it is the end */
  fail(error, answered, what = 'Invoke Error') {
    if (this.over) return
    this.over = true
    logError(what, error)
    this.loop.respondError(this.event.requestId, error, answered)
  }
}

function setTrace(traceId) {
  if (traceId !== undefined) process.env._X_AMZN_TRACE_ID = traceId
  else delete process.env._X_AMZN_TRACE_ID
}

function ignore() {}

module.exports = { InvocationLoop }
