import type { ResponseBody } from '@sekisho/proxy'
import { type Headers, isFramingField } from '@sekisho/wire'
import type { GatewaySession } from '../session.ts'
import type { PluginLogger } from '../plugins/context.ts'

/** What a function may do in a phase. */
export interface Rights {
  /** Change the request. */
  readonly request: boolean
  /** Answer it. */
  readonly respond: boolean
  /** Change the response's head. */
  readonly response: boolean
  /** Wait: read the request's body. */
  readonly wait: boolean
}

/** Bytes that the functions of one place may put into fields, state and answers of a request, counting 64 for each time. */
const MAX_EDITED_BYTES = 1_048_576
/** Bytes of a body that a function reads unless it says more, and that it can at most. */
export const DEFAULT_BODY_BYTES = 1_048_576
export const MAX_BODY_BYTES = 67_108_864
/** Lines that a function may log for one request, and how much of each is kept. */
const MAX_LINES = 20
const MAX_LINE_LENGTH = 1_000

const STATE = 'scripts'
const TARGET = /^\/[!-~]*$/
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/
const HOST = /^[\w.:[\]-]{1,255}$/

/**
 * One request as functions see it: what they may read and change, checked and bounded. It does not matter where they run. What they do wrong is
 * a TypeError or a RangeError, which they may catch.
 */
export class SessionView {
  readonly session: GatewaySession
  private readonly rights: Rights
  private readonly logger: PluginLogger
  private readonly name: string
  private edited = 0
  private lines = 0

  /** @param name of the plugin, for the log */
  constructor(session: GatewaySession, rights: Rights, name: string, logger: PluginLogger) {
    this.session = session
    this.rights = rights
    this.name = name
    this.logger = logger
  }

  variable(name: string): string | number | undefined {
    return this.session.ctx.variable(name)
  }

  headers(ofResponse: boolean): Headers | undefined {
    return ofResponse ? this.session.response?.headers : this.session.request.headers
  }

  setHeader(ofResponse: boolean, name: string, value: string): undefined {
    const headers = this.editable(ofResponse, name, value.length)
    if (!ofResponse && name.toLowerCase() === 'host') {
      if (!HOST.test(value)) throw new TypeError('that is no host')
      this.session.ctx.upstreamHost = value
    } else headers.set(name, toLatin1(value))
  }

  appendHeader(ofResponse: boolean, name: string, value: string): undefined {
    this.editable(ofResponse, name, value.length).append(name, toLatin1(value))
  }

  deleteHeader(ofResponse: boolean, name: string): undefined {
    // Who changes the length of a body takes its announcement out.
    this.editable(ofResponse, /^content-length$/i.test(name) ? '' : name, 0).delete(name)
  }

  setMethod(method: string): undefined {
    this.needs(this.rights.request, 'the request has left: its method cannot be changed any more')
    if (!METHOD.test(method) || method === 'CONNECT') throw new TypeError('that is no method')
    this.session.ctx.upstreamMethod = method
  }

  get target(): string {
    return this.session.ctx.upstreamTarget ?? this.session.request.target
  }

  setTarget(target: string): undefined {
    this.needs(this.rights.request, 'the request has left: its target cannot be changed any more')
    this.charge(target.length)
    if (!TARGET.test(target) || target.includes('#'))
      throw new TypeError('a target is a path with its query, percent-encoded: "/orders?id=7"')
    this.session.ctx.upstreamTarget = target
  }

  get status(): number | undefined {
    return this.session.response?.status
  }

  setStatus(status: number): undefined {
    const { response } = this.session
    this.needs(this.rights.response && response !== undefined, 'the status can be set in header_filter alone')
    if (!isStatus(status)) throw new RangeError('a status is a number from 200 to 599')
    response!.status = status
    response!.reason = ''
  }

  respond(status: number, body: ResponseBody, fields: Readonly<Record<string, string | readonly string[]>>): undefined {
    this.needs(this.rights.respond, 'requests can be answered in rewrite, access and before_proxy alone')
    if (!isStatus(status)) throw new RangeError('a status is a number from 200 to 599')
    if (this.session.responded) return
    const checked: Record<string, string | string[]> = {}
    for (const [name, value] of Object.entries(fields)) {
      if (isFramingField(name)) throw new TypeError(`"${name.slice(0, 50)}" is set by the gateway`)
      const values = (Array.isArray(value) ? (value as readonly string[]) : [value as string]).map(toLatin1)
      this.charge(name.length + values.reduce((sum, one) => sum + one.length, 0))
      checked[name] = values.length === 1 ? (values[0] as string) : values
    }
    this.session.respond(status, body, checked)
  }

  /** Who calls; undefined: nobody knows. */
  get consumer(): object | undefined {
    const { consumer } = this.session.ctx
    if (consumer === undefined) return undefined
    return { username: consumer.username, group: consumer.groupId, labels: consumer.labels ?? {} }
  }

  log(level: string, message: string): undefined {
    if (this.lines++ >= MAX_LINES) return
    const fields = { plugin: this.name, route: this.session.ctx.plan?.route.id }
    const text = printable(message.slice(0, MAX_LINE_LENGTH))
    if (level === 'error') this.logger.error(fields, text)
    else if (level === 'warn') this.logger.warn(fields, text)
    else this.logger.info(fields, text)
  }

  /** What functions of this request keep for later ones, as text. */
  getState(key: string): string | undefined {
    return this.session.ctx.getState<Map<string, string>>(STATE)?.get(key)
  }

  setState(key: string, value: string | undefined): undefined {
    const { ctx } = this.session
    let state = ctx.getState<Map<string, string>>(STATE)
    if (state === undefined) ctx.setState(STATE, (state = new Map()))
    this.charge(key.length + (value?.length ?? 0))
    if (value === undefined) state.delete(key)
    else state.set(key, value)
  }

  /** The request's body. Rejects when it is larger than the limit: the request is answered with 413 then. */
  readBody(limitBytes: number): Promise<Uint8Array> {
    this.needs(this.rights.wait, 'the body of the request can be read in rewrite and access alone')
    if (!(limitBytes > 0 && limitBytes <= MAX_BODY_BYTES))
      throw new RangeError(`a limit is a number of bytes up to ${MAX_BODY_BYTES}`)
    return this.session.readBody(limitBytes)
  }

  replaceBody(body: Uint8Array): undefined {
    this.needs(this.rights.wait, 'the body of the request can be replaced in rewrite and access alone')
    if (body.length > MAX_BODY_BYTES) throw new RangeError(`a body has ${MAX_BODY_BYTES} bytes at most`)
    this.session.replaceBody(body)
  }

  private editable(ofResponse: boolean, name: string, bytes: number): Headers {
    const headers = this.headers(ofResponse)
    this.needs(
      ofResponse ? this.rights.response && headers !== undefined : this.rights.request,
      ofResponse
        ? 'headers of the response can be changed in header_filter alone'
        : 'the request has left: its headers cannot be changed any more',
    )
    if (isFramingField(name)) throw new TypeError(`"${name}" is set by the gateway`)
    this.charge(name.length + bytes)
    return headers as Headers
  }

  private needs(condition: boolean, message: string): void {
    if (!condition) throw new TypeError(message)
  }

  private charge(bytes: number): void {
    this.edited += bytes + 64
    if (this.edited > MAX_EDITED_BYTES)
      throw new RangeError(`the functions of a request may set ${MAX_EDITED_BYTES} bytes in all`)
  }
}

const isStatus = (status: number): boolean => Number.isInteger(status) && status >= 200 && status <= 599

/** Fields are bytes: what is beyond latin1 goes as UTF-8. */
// eslint-disable-next-line no-control-regex
const toLatin1 = (text: string): string => (/[^\0-\xff]/.test(text) ? Buffer.from(text).toString('latin1') : text)

/** A line of the log stays one line. */
// eslint-disable-next-line no-control-regex
export const printable = (text: string): string => text.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ')
