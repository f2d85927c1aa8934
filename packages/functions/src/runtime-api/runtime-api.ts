import type { Socket } from 'node:net'
import {
  DEFAULT_H1_LIMITS,
  Deadlines,
  H1ServerConnection,
  monotonicClock,
  type H1Limits,
  type RequestHead,
} from '@sekisho/wire'
import {
  ACCEPTED,
  errorAnswer,
  INVALID_REQUEST_ID,
  INVALID_RESPONSE_MODE,
  invalidTransition,
  PONG,
  RESTORED,
} from './answers.ts'
import { ERROR, Delivery, RESPONSE, type DeliveryOwner } from './delivery.ts'
import { ErrorReport, failureIn } from './error-report.ts'
import { ExtensionsApi } from './extensions-api.ts'
import { INVALID_MODE } from './failures.ts'
import { MAX_CONNECTIONS, MAX_HEAD_BYTES, MAX_RESPONSE_BYTES, MAX_STREAMED_BYTES } from './limits.ts'
import { NOBODY } from './nobody.ts'
import { RuntimeConnection, type RequestRouter, type RequestTask, type Waiter } from './runtime-connection.ts'
import type { RuntimeApiListener, RuntimeEvent } from './runtime-api-listener.ts'
import type { RuntimeApiOptions } from './runtime-api-options.ts'
import { StreamedResponse } from './streamed-response.ts'
import { takeSocket } from './take-socket.ts'

/** Where the runtime stands while it has no event. The names are those of AWS's emulator: they are part of its answers. */
type Phase = 'Started' | 'InitError' | 'Restoring' | 'Ready' | 'RuntimeResponseSentState'

const BASE = '/2018-06-01'
const NEXT = `${BASE}/runtime/invocation/next`
const INVOCATION = `${BASE}/runtime/invocation/`
const RESPONSE_END = '/response'
const ERROR_END = '/error'

/** A frozen client finds its connection as it left it: nothing here runs out. */
const LIMITS: H1Limits = {
  ...DEFAULT_H1_LIMITS,
  maxHeadBytes: MAX_HEAD_BYTES,
  maxBodyBytes: 0,
  headerTimeoutMs: 0,
  bodyTimeoutMs: 0,
  keepAliveTimeoutMs: 0,
  maxRequestsPerConnection: 0,
}

/** Only connections that are being closed have a limit in time: looking once a second is enough, and costs nothing while nobody calls. */
const CLOSING_DEADLINES = new Deadlines(monotonicClock, 1_000)

/**
 * The Runtime API 2018-06-01 of one environment, with the Extensions, Telemetry and Logs APIs, over all connections from its sandbox.
 *
 *     Started --next--> Ready --event--> Running --response, error--> Responding --> ResponseSent --next--> Ready
 *        \--init/error--> InitError                  \--next: the same event again
 *
 * A second answer, or one to another id, is 400 InvalidRequestID; what the state does not allow is 403 InvalidStateTransition.
 */
export class RuntimeApi implements RequestRouter, Waiter, DeliveryOwner {
  listener: RuntimeApiListener
  private readonly options: RuntimeApiOptions
  private readonly maxConcurrency: number
  private readonly extensions: ExtensionsApi
  private readonly connections = new Map<RuntimeConnection, H1ServerConnection>()
  private readonly deadlines: Deadlines
  private phase: Phase = 'Started'
  /** Connections on which the runtime waits for an event; the last one to ask is the first to get one: an older one may be a client's that gave up. */
  private readonly polls: RuntimeConnection[] = []
  /** Delivered, but the runtime has not asked yet. */
  private readonly undelivered: RuntimeEvent[] = []
  private readonly running: Delivery[] = []
  private closed = false

  constructor(listener: RuntimeApiListener, options: RuntimeApiOptions) {
    this.listener = listener
    this.options = options
    this.maxConcurrency = options.maxConcurrency ?? 1
    this.deadlines = options.deadlines ?? CLOSING_DEADLINES
    this.extensions = new ExtensionsApi(this, options)
  }

  /** Takes over a connection from the sandbox that nobody has read from; the socket is not to be used again. */
  open(socket: Socket): void {
    if (this.closed || this.connections.size >= MAX_CONNECTIONS + this.maxConcurrency) {
      socket.destroy()
      return
    }
    takeSocket(socket, (taken) => {
      const handler = new RuntimeConnection(this)
      const { deadlines } = this
      const connection = new H1ServerConnection(taken, { handler, limits: LIMITS, deadlines, draining: false })
      this.connections.set(handler, connection)
      return connection
    })
  }

  onClosed(connection: RuntimeConnection): void {
    this.connections.delete(connection)
  }

  /**
   * Gives the runtime its next event: now if it waits for one, else when it asks. Throws when it would have more than `maxConcurrency` to do: that is
   * a mistake of the caller.
   */
  deliver(event: RuntimeEvent): void {
    if (this.closed) return
    if (this.running.length + this.undelivered.length >= this.maxConcurrency)
      throw new Error(`the runtime has ${this.maxConcurrency} event(s) to do already`)
    this.undelivered.push(event)
    this.dispatch()
  }

  /** The caller of a streamed response takes pieces again. Without an id: of the only one. */
  resumeResponse(requestId?: string): void {
    const delivery = requestId === undefined ? this.running[0] : this.find(requestId)
    delivery?.streamed?.resume()
  }

  /** Tells the extensions that asked for it. */
  sendShutdown(reason: 'SPINDOWN' | 'TIMEOUT' | 'FAILURE', deadlineMs: number): void {
    this.extensions.shutdown(reason, deadlineMs)
  }

  /** Cuts all connections. The listener hears nothing more. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.listener = NOBODY
    this.undelivered.length = 0
    for (const connection of [...this.connections.values()]) connection.destroy()
  }

  // ---- requests -------------------------------------------------------------------------------

  route(connection: RuntimeConnection, head: RequestHead): void {
    const { method, target } = head
    if (method === 'GET') {
      if (target === NEXT && head.bodyLength === 0) {
        this.next(connection)
        return
      }
    } else if (method === 'POST' && target.startsWith(INVOCATION)) {
      if (target.endsWith(RESPONSE_END)) {
        this.response(connection, head, target.slice(INVOCATION.length, -RESPONSE_END.length))
        return
      }
      if (target.endsWith(ERROR_END)) {
        this.error(connection, head, target.slice(INVOCATION.length, -ERROR_END.length))
        return
      }
    }
    this.routeSeldom(connection, head)
  }

  private routeSeldom(connection: RuntimeConnection, head: RequestHead): void {
    const request = `${head.method} ${head.path}`
    switch (request) {
      case `GET ${NEXT}`:
        if (head.bodyLength === 0) this.next(connection)
        else connection.answer(head, errorAnswer(400, 'InvalidRequest', 'this request has no body'))
        return
      case `POST ${BASE}/runtime/init/error`:
        this.initError(connection, head, 'Started')
        return
      case `GET ${BASE}/runtime/restore/next`:
        this.restore(connection, head)
        return
      case `POST ${BASE}/runtime/restore/error`:
        this.initError(connection, head, 'Restoring')
        return
      case `GET ${BASE}/ping`:
      case 'GET /ping':
        connection.answer(head, PONG)
        return
    }
    if (!this.extensions.route(connection, head, request))
      connection.answer(head, errorAnswer(404, 'NotFound', `${request} is not part of the Runtime API`))
  }

  private next(connection: RuntimeConnection): void {
    const { running } = this
    if (running.length > 0 && this.maxConcurrency === 1) {
      // A client that lost the answer asks again.
      const current = running[0]!
      if (current.answering === undefined) connection.sendEvent(current.event)
      else connection.send(invalidTransition(current.answering, 'Ready'))
      return
    }
    if (this.phase === 'InitError') {
      connection.send(invalidTransition(this.phase, 'Ready'))
      return
    }
    connection.waiter = this
    this.polls.push(connection)
    if (this.phase !== 'Ready' || this.maxConcurrency > 1) {
      this.phase = 'Ready'
      this.extensions.runtimeIsReady()
      this.listener.onRuntimeNext()
    }
    this.dispatch()
  }

  private dispatch(): void {
    while (this.undelivered.length > 0 && this.polls.length > 0) {
      const event = this.undelivered.shift()!
      this.running.push(new Delivery(this, event))
      this.polls.pop()!.sendEvent(event)
      this.extensions.invoke(event)
    }
  }

  private response(connection: RuntimeConnection, head: RequestHead, requestId: string): void {
    const delivery = this.begin(connection, head, requestId, RESPONSE)
    if (delivery === undefined) return
    const { headers } = head
    delivery.contentType = headers.get('Content-Type')
    const mode = headers.get('Lambda-Runtime-Function-Response-Mode')
    if (mode === undefined) connection.read(head, MAX_RESPONSE_BYTES, delivery)
    else if (mode.toLowerCase() === 'streaming') this.stream(connection, head, delivery)
    else {
      delivery.onComplete()
      this.listener.onError(INVALID_MODE, requestId)
      connection.answer(head, INVALID_RESPONSE_MODE)
    }
  }

  private stream(connection: RuntimeConnection, head: RequestHead, delivery: Delivery): void {
    const { stream } = connection
    const streamed = new StreamedResponse(stream, delivery, this.options.maxStreamedBytes ?? MAX_STREAMED_BYTES)
    delivery.streamed = streamed
    stream.exchange = streamed
    this.listener.onResponseStart(delivery.contentType, delivery.event.requestId)
    if (head.bodyLength === 0) streamed.onRequestEnd('')
    else stream.readRequestBody()
  }

  private error(connection: RuntimeConnection, head: RequestHead, requestId: string): void {
    const delivery = this.begin(connection, head, requestId, ERROR)
    if (delivery !== undefined) connection.read(head, MAX_RESPONSE_BYTES, new ErrorReport(delivery, head.headers))
  }

  /** The event that is answered; undefined when it may not be, which was said. */
  private begin(
    connection: RuntimeConnection,
    head: RequestHead,
    requestId: string,
    answering: typeof RESPONSE | typeof ERROR,
  ): Delivery | undefined {
    const delivery = this.find(requestId)
    if (delivery === undefined) {
      const early = this.phase === 'Started' || this.phase === 'InitError' || this.phase === 'Restoring'
      connection.answer(head, early ? invalidTransition(this.phase, answering) : INVALID_REQUEST_ID)
    } else if (delivery.answering !== undefined)
      connection.answer(head, invalidTransition(delivery.answering, answering))
    else {
      delivery.answering = answering
      return delivery
    }
    return undefined
  }

  private find(requestId: string): Delivery | undefined {
    for (const delivery of this.running) if (delivery.event.requestId === requestId) return delivery
    return undefined
  }

  /** The runtime is done with this event. */
  onAnswered(delivery: Delivery): void {
    const at = this.running.indexOf(delivery)
    if (at >= 0) this.running.splice(at, 1)
    if (this.running.length === 0 && this.maxConcurrency === 1) this.phase = 'RuntimeResponseSentState'
  }

  private restore(connection: RuntimeConnection, head: RequestHead): void {
    if (this.phase !== 'Started' && this.phase !== 'Restoring') {
      connection.answer(head, invalidTransition(this.state, 'RestoreReady'))
      return
    }
    // Nothing is kept of an initialised runtime here: what would be restored is there already.
    this.phase = 'Restoring'
    connection.answer(head, RESTORED)
  }

  private initError(connection: RuntimeConnection, head: RequestHead, before: 'Started' | 'Restoring'): void {
    if (this.phase !== before) {
      connection.answer(head, invalidTransition(this.state, before === 'Started' ? 'InitError' : 'RestoreError'))
      return
    }
    this.phase = 'InitError'
    const { headers } = head
    const report: RequestTask = {
      onBody: (where, body) => {
        this.listener.onInitError(failureIn(headers, body))
        where.send(ACCEPTED)
      },
      onTooLarge: () => this.listener.onInitError(failureIn(headers, Buffer.alloc(0))),
      // What the runtime wanted to say is not known: it may say it again, or exit.
      onBroken: () => (this.phase = before),
    }
    connection.read(head, MAX_RESPONSE_BYTES, report)
  }

  private get state(): string {
    const current = this.running[0]
    return current === undefined ? this.phase : (current.answering ?? 'Running')
  }

  onLost(connection: RuntimeConnection): void {
    const at = this.polls.indexOf(connection)
    if (at >= 0) this.polls.splice(at, 1)
  }
}
