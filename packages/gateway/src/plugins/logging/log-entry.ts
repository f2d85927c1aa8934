/**
 * Entries of requests, and what masks them.
 *
 * An entry is made in the plugin's `log` hook, from `session.request` and `session.response` as they are then, and becomes JSON at once: a string of
 * known size is what queues hold. `data-mask` (priority 1500) runs in `log` before all loggers (below 500) of the same list and has two means:
 *
 * - It edits `session.request` (fields by `headers.set` and `headers.delete`, the query by `target`): the request has been answered, so only logs see
 *   it. Loggers, `log_format` and the access log read from there. `$args` and `$arg_x` read `ctx.upstreamTarget` where a plugin has set that: mask
 *   this one too.
 * - Bodies it cannot edit. It leaves a `LogMask` under `LOG_MASK`, and loggers call it on what they kept, before it goes into an entry:
 *   `ctx.setState(LOG_MASK, { requestBody: (text) => … } satisfies LogMask)`.
 */
import type { GatewaySession } from '../../session.ts'
import { compileExpression, type Condition } from '../../expressions/index.ts'
import type { PluginHooks } from '../definition.ts'
import { bodyText, BodyCapture, decodeBody, isDecodable } from './body-capture.ts'
import { defaultEntry, type LogBodies } from './default-entry.ts'
import type { EntryConfig } from './entry-options.ts'
import { compileFormat, formatVariables, type FieldsWriter, type LogFormat } from './log-format.ts'
import { REQUEST_BODY, requestVariable, RESPONSE_BODIES, type LoggedRequest } from './log-variables.ts'

/** Under this key of a request's state `data-mask` leaves a `LogMask`. */
export const LOG_MASK = 'log-mask'

/** Takes out of bodies what logs must not have. */
export interface LogMask {
  readonly requestBody?: ((text: string) => string) | undefined
  readonly responseBody?: ((text: string) => string) | undefined
}

/** Metadata, as far as it says what entries look like. */
export interface EntryMetadata {
  readonly log_format?: LogFormat
  readonly log_format_extra?: LogFormat
}

/** Gets the entry of each request: its fields as JSON, without the braces around them. */
export type EntryTaker = (fields: string, session: GatewaySession) => void

export interface EntryMaker {
  /** The entry is written by a `log_format`. */
  readonly customised: boolean
  /** Hooks for the entries and the bodies that they need. `take` may be called after `log`, when a body had to be decoded. */
  hooks(take: EntryTaker): Pick<PluginHooks, 'requestBody' | 'bodyFilter' | 'log'>
}

/** @param usual what an entry says without a `log_format`, if it is not what it is in most loggers */
export function entryMaker(
  config: EntryConfig,
  metadata: EntryMetadata | undefined,
  usual: (session: GatewaySession, bodies: LogBodies) => string = defaultEntry,
): EntryMaker {
  const format = config.log_format ?? notEmpty(metadata?.log_format)
  const extra = config.log_format_extra ?? metadata?.log_format_extra
  const write = entryWriter(format, extra, usual)
  const named = [format, extra].flatMap((one) => (one === undefined ? [] : formatVariables(one)))
  const needs = {
    request: config.include_req_body === true || named.includes(REQUEST_BODY),
    response: config.include_resp_body === true || named.some((name) => RESPONSE_BODIES.includes(name)),
  }
  return {
    customised: format !== undefined,
    hooks(take) {
      if (!needs.request && !needs.response)
        return { log: (session) => take(write({ session, bodies: NO_BODIES }), session) }
      return new BodyHooks(config, needs, write, take)
    },
  }
}

const NO_BODIES: LogBodies = {}
const notEmpty = (format: LogFormat | undefined): LogFormat | undefined =>
  format === undefined || Object.keys(format).length === 0 ? undefined : format

function entryWriter(
  format: LogFormat | undefined,
  extra: LogFormat | undefined,
  usual: (session: GatewaySession, bodies: LogBodies) => string,
): FieldsWriter<LoggedRequest> {
  const base =
    format === undefined
      ? ({ session, bodies }: LoggedRequest) => usual(session, bodies)
      : compileFormat({ ...extra, ...format, ...IDENTITY }, requestVariable)
  if (extra === undefined || format !== undefined) return base
  const more = compileFormat(extra, requestVariable)
  return (logged) => joined(base(logged), more(logged))
}

/** APISIX adds them to every format. */
const IDENTITY: LogFormat = { service_id: '$service_id', route_id: '$route_id' }

/** Fields behind fields. */
export const joined = (fields: string, more: string): string =>
  more === '' ? fields : fields === '' ? more : `${fields},${more}`

let instances = 0

/** What an instance keeps of a request. */
interface KeptBodies {
  request: BodyCapture | undefined
  response: BodyCapture | undefined
  /** Whether `include_resp_body_expr` is true of the response. */
  wanted: boolean | undefined
}

/** The hooks of a logger that logs bodies: copies of what passes, up to the limits. */
class BodyHooks {
  readonly requestBody: PluginHooks['requestBody']
  readonly bodyFilter: PluginHooks['bodyFilter']
  private readonly key = `log-bodies/${++instances}`
  private readonly maxRequestBytes: number
  private readonly maxResponseBytes: number
  private readonly requestWanted: Condition | undefined
  private readonly responseWanted: Condition | undefined
  private readonly write: FieldsWriter<LoggedRequest>
  private readonly take: EntryTaker

  constructor(
    config: EntryConfig,
    needs: { readonly request: boolean; readonly response: boolean },
    write: FieldsWriter<LoggedRequest>,
    take: EntryTaker,
  ) {
    this.maxRequestBytes = config.max_req_body_bytes ?? DEFAULT_MAX_BODY_BYTES
    this.maxResponseBytes = config.max_resp_body_bytes ?? DEFAULT_MAX_BODY_BYTES
    this.requestWanted = conditionOf(config.include_req_body_expr)
    this.responseWanted = conditionOf(config.include_resp_body_expr)
    this.write = write
    this.take = take
    this.requestBody = needs.request ? (session, chunk) => this.keepRequest(session, chunk) : undefined
    this.bodyFilter = needs.response ? (session, chunk) => this.keepResponse(session, chunk) : undefined
  }

  log = (session: GatewaySession): void => {
    const { ctx, response } = session
    const kept = ctx.getState<KeptBodies>(this.key)
    const mask = ctx.getState<LogMask>(LOG_MASK)
    const asked = kept?.request
    const isWanted = asked !== undefined && (this.requestWanted === undefined || holds(this.requestWanted, session))
    const request = isWanted ? masked(bodyText(asked.bytes), mask?.requestBody) : undefined
    const answered = kept?.response?.bytes
    if (answered === undefined) return this.take(this.write({ session, bodies: { request } }), session)
    const encoding = response?.headers.get('content-encoding')
    const finish = (bytes: Buffer): void => {
      const bodies = { request, response: masked(bodyText(bytes), mask?.responseBody) }
      this.take(this.write({ session, bodies }), session)
    }
    if (isDecodable(encoding) && answered.length > 0) decodeBody(answered, encoding, this.maxResponseBytes, finish)
    else finish(answered)
  }

  private keepRequest(session: GatewaySession, chunk: Uint8Array): undefined {
    const kept = this.keptOf(session)
    kept.request ??= new BodyCapture(this.maxRequestBytes)
    kept.request.add(chunk)
  }

  private keepResponse(session: GatewaySession, chunk: Uint8Array): undefined {
    const kept = this.keptOf(session)
    kept.wanted ??= this.responseWanted === undefined || holds(this.responseWanted, session)
    if (!kept.wanted) return
    kept.response ??= new BodyCapture(this.maxResponseBytes)
    kept.response.add(chunk)
  }

  private keptOf({ ctx }: GatewaySession): KeptBodies {
    let kept = ctx.getState<KeptBodies>(this.key)
    if (kept === undefined)
      ctx.setState(this.key, (kept = { request: undefined, response: undefined, wanted: undefined }))
    return kept
  }
}

const DEFAULT_MAX_BODY_BYTES = 524_288

const conditionOf = (expression: unknown[][] | undefined): Condition | undefined =>
  expression === undefined ? undefined : compileExpression(expression)

/** An expression that fails adds nothing to a log. */
function holds(condition: Condition, { ctx }: GatewaySession): boolean {
  try {
    return condition(ctx)
  } catch {
    return false
  }
}

const masked = (text: string, mask: ((text: string) => string) | undefined): string =>
  mask === undefined ? text : mask(text)
