import { randomUUID } from 'node:crypto'
import type { RequestHead } from '@sekisho/wire'
import { ACCEPTED, errorAnswer, jsonAnswer, type Answer } from './answers.ts'
import { Extension, type ExtensionEvent, type ExtensionOwner } from './extension.ts'
import { MAX_EXTENSIONS, MAX_REGISTRATION_BYTES, MAX_RESPONSE_BYTES } from './limits.ts'
import type { RequestTask, RuntimeConnection } from './runtime-connection.ts'
import type { RuntimeEvent } from './runtime-api-listener.ts'
import type { RuntimeApiOptions } from './runtime-api-options.ts'
import { subscriptionProblem, telemetryStub } from './telemetry.ts'

const BASE = '/2020-01-01/extension'
const IDENTIFIER = 'Lambda-Extension-Identifier'
const ERROR_TYPE = 'Lambda-Extension-Function-Error-Type'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Extensions API 2020-01-01: programs beside the runtime (external), or threads of it (internal), that follow its invocations. */
export class ExtensionsApi {
  private readonly owner: ExtensionOwner
  private readonly options: RuntimeApiOptions
  private readonly byId = new Map<string, Extension>()
  private readonly byName = new Map<string, Extension>()
  /** Only external ones may still register: the runtime's own had its init to do so. */
  private closedToInternal = false
  private noticed = false

  constructor(owner: ExtensionOwner, options: RuntimeApiOptions) {
    this.owner = owner
    this.options = options
  }

  /** The runtime has asked for its first event. */
  runtimeIsReady(): void {
    this.closedToInternal = true
  }

  invoke(event: RuntimeEvent): void {
    if (this.byId.size === 0) return
    let text: string | undefined
    for (const extension of this.byId.values())
      if (extension.events.includes('INVOKE')) extension.give((text ??= invokeText(event)))
  }

  shutdown(shutdownReason: string, deadlineMs: number): void {
    const text = JSON.stringify({ eventType: 'SHUTDOWN', shutdownReason, deadlineMs: Math.floor(deadlineMs) })
    for (const extension of this.byId.values()) if (extension.events.includes('SHUTDOWN')) extension.give(text)
  }

  /** @returns whether the request is one of these APIs' */
  route(connection: RuntimeConnection, head: RequestHead, request: string): boolean {
    switch (request) {
      case `POST ${BASE}/register`:
        this.read(connection, head, (body) => this.register(head, body))
        return true
      case `GET ${BASE}/event/next`:
        this.next(connection, head)
        return true
      case `POST ${BASE}/init/error`:
        this.failed(connection, head, 'InitError')
        return true
      case `POST ${BASE}/exit/error`:
        this.failed(connection, head, 'ExitError')
        return true
      case 'PUT /2022-07-01/telemetry':
        this.subscribe(connection, head, 'Telemetry')
        return true
      case 'PUT /2020-08-15/logs':
        this.subscribe(connection, head, 'Logs')
        return true
    }
    return false
  }

  private register(head: RequestHead, body: Buffer): Answer {
    const name = head.headers.get('Lambda-Extension-Name')
    if (name === undefined || name === '') return refused('InvalidExtensionName', 'Empty extension name')
    const events = eventsIn(body)
    if (typeof events === 'string') return errorAnswer(403, 'InvalidRequestFormat', events)
    const { extensions } = this.options
    const external = extensions === undefined || extensions.includes(name)
    const problem = this.eventProblem(events, external) ?? this.placeProblem(name, external)
    if (problem !== undefined) return problem
    const extension = new Extension(name, randomUUID(), events as ExtensionEvent[], this.owner)
    this.byId.set(extension.id, extension)
    this.byName.set(name, extension)
    this.owner.listener.onExtensionRegistered(name, extension.events)
    const { functionName, functionVersion, handler, accountId } = this.options
    const wantsAccount = (head.headers.get('Lambda-Extension-Accept-Feature') ?? '')
      .split(',')
      .some((one) => one.trim() === 'accountId')
    return jsonAnswer(
      200,
      { functionName, functionVersion, handler, ...(wantsAccount ? { accountId } : {}) },
      { [IDENTIFIER]: extension.id },
    )
  }

  private eventProblem(events: readonly string[], external: boolean): Answer | undefined {
    for (const event of events) {
      if (event !== 'INVOKE' && event !== 'SHUTDOWN')
        return refused('InvalidEventType', `${event}: ErrorInvalidEventType`)
      if (event === 'SHUTDOWN' && !external)
        return refused('InvalidEventType', `${event}: ErrorEventNotSupportedForInternalAgent`)
    }
    return undefined
  }

  private placeProblem(name: string, external: boolean): Answer | undefined {
    const before = this.byName.get(name)
    if (before !== undefined)
      return external
        ? transition(before.state, 'Registered', name)
        : refused('InvalidExtensionState', 'Extension with this name already registered')
    if (!external && this.closedToInternal)
      return refused('RegistrationClosed', 'Extension registration closed already')
    if (this.byId.size < MAX_EXTENSIONS) return undefined
    return refused('TooManyExtensions', `Extension limit (${MAX_EXTENSIONS}) reached`)
  }

  private next(connection: RuntimeConnection, head: RequestHead): void {
    const extension = this.identify(head, (id) => `Unknown extension ${id}`)
    if (!(extension instanceof Extension)) connection.answer(head, extension)
    else if (!extension.mayAsk) connection.answer(head, transition(extension.state, 'Ready', extension.id))
    else if (head.bodyLength !== 0)
      connection.answer(head, errorAnswer(400, 'InvalidRequest', 'this request has no body'))
    else extension.ask(connection)
  }

  private failed(connection: RuntimeConnection, head: RequestHead, what: 'InitError' | 'ExitError'): void {
    this.read(connection, head, (body) => {
      const extension = this.identify(head, () => `Unknown ${IDENTIFIER}`)
      if (!(extension instanceof Extension)) return extension
      const type = head.headers.get(ERROR_TYPE)
      if (type === undefined || type === '') return refused('MissingHeader', `${ERROR_TYPE} not found`)
      // Only the first report counts; the others do no harm.
      if (extension.state === what) return ACCEPTED
      if (!extension.mayFail(what))
        return transition(extension.state, what === 'InitError' ? what : 'Exited', extension.id)
      extension.fail(what)
      const said = body.length > 0 ? body : Buffer.from(JSON.stringify({ errorMessage: '', errorType: type }))
      this.owner.listener.onExtensionFailed(extension.name, { type: `Extension.${what}`, body: said })
      return ACCEPTED
    })
  }

  private subscribe(connection: RuntimeConnection, head: RequestHead, api: 'Telemetry' | 'Logs'): void {
    this.read(connection, head, (body) => {
      const extension = this.identify(head, (id) => `Unknown extension ${id}`)
      if (!(extension instanceof Extension)) return extension
      const problem = subscriptionProblem(body)
      if (problem !== undefined) return errorAnswer(400, 'ValidationError', problem)
      if (!this.noticed) {
        this.noticed = true
        this.owner.listener.onNotice?.(
          `Extension ${extension.name} subscribed to the ${api} API. It was accepted, but nothing will be sent: its listener is in the network of the sandbox.`,
        )
      }
      return telemetryStub(api)
    })
  }

  private identify(head: RequestHead, unknown: (id: string) => string): Extension | Answer {
    const id = head.headers.get(IDENTIFIER)
    if (id === undefined || id === '') return refused('MissingExtensionIdentifier', `Missing ${IDENTIFIER} header`)
    if (!UUID.test(id)) return refused('InvalidExtensionIdentifier', `Invalid ${IDENTIFIER}`)
    return this.byId.get(id.toLowerCase()) ?? refused('UnknownExtensionIdentifier', unknown(id))
  }

  /** Answers what `handle` says when the body is there. */
  private read(connection: RuntimeConnection, head: RequestHead, handle: (body: Buffer) => Answer): void {
    const task: RequestTask = {
      onBody: (where, body) => where.send(handle(body)),
      onTooLarge: () => undefined,
      onBroken: () => undefined,
    }
    connection.read(
      head,
      head.method === 'PUT' || head.target.endsWith('register') ? MAX_REGISTRATION_BYTES : MAX_RESPONSE_BYTES,
      task,
    )
  }
}

const refused = (type: string, message: string): Answer => errorAnswer(403, `Extension.${type}`, message)

const transition = (from: string, to: string, extension: string): Answer =>
  refused(
    'InvalidExtensionState',
    `State transition from ${from} to ${to} failed for extension ${extension}. Error: State transition is not allowed`,
  )

/** @returns the events, or what is wrong with the body */
function eventsIn(body: Buffer): string[] | string {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString())
  } catch (error) {
    return (error as Error).message
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'the body is not a JSON object'
  const { events = [], configurationKeys = [] } = parsed as { events?: unknown; configurationKeys?: unknown }
  if (Array.isArray(configurationKeys) && configurationKeys.length > 0)
    return 'configurationKeys are deprecated; use environment variables instead'
  if (!Array.isArray(events) || !events.every((one) => typeof one === 'string'))
    return 'events is not a list of strings'
  return [...new Set(events)]
}

function invokeText(event: RuntimeEvent): string {
  return JSON.stringify({
    eventType: 'INVOKE',
    deadlineMs: Math.floor(event.deadlineMs),
    requestId: event.requestId,
    invokedFunctionArn: event.invokedArn,
    ...(event.traceId ? { tracing: { type: 'X-Amzn-Trace-Id', value: event.traceId } } : {}),
  })
}
