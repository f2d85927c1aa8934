import { CALLS, KINDS } from './facade.ts'
import type { SessionView } from './session-view.ts'

/** What crosses between a function and the gateway. */
export type HostValue = string | number | Uint8Array | undefined

/**
 * Does what a function asks for, and returns what it gets.
 * @throws TypeError or RangeError when it may not have it
 */
export function perform(
  view: SessionView,
  call: number,
  a: HostValue,
  b: HostValue,
  c: HostValue,
  d: HostValue,
): HostValue {
  switch (call) {
    case CALLS.variable:
      return view.variable(a as string)
    case CALLS.getHeader:
      return view.headers(a === 1)?.get(b as string)
    case CALLS.setHeader:
      return view.setHeader(a === 1, b as string, c as string)
    case CALLS.appendHeader:
      return view.appendHeader(a === 1, b as string, c as string)
    case CALLS.deleteHeader:
      return view.deleteHeader(a === 1, b as string)
    case CALLS.headerEntries:
      return JSON.stringify([...(view.headers(a === 1) ?? [])])
    case CALLS.method:
      return view.session.ctx.upstreamMethod ?? view.session.request.method
    case CALLS.setMethod:
      return view.setMethod(a as string)
    case CALLS.target:
      return view.target
    case CALLS.setTarget:
      return view.setTarget(a as string)
    case CALLS.path:
      return view.session.ctx.path
    case CALLS.host:
      return view.session.ctx.host
    case CALLS.status:
      return view.status
    case CALLS.setStatus:
      return view.setStatus(a as number)
    case CALLS.consumer:
      return view.consumer === undefined ? undefined : JSON.stringify(view.consumer)
    case CALLS.respond:
      return respond(view, a as number, b as number, c as string | Uint8Array, d as string)
    case CALLS.log:
      return view.log(a as string, b as string)
    case CALLS.getState:
      return view.getState(a as string)
    case CALLS.setState:
      return view.setState(a as string, b === '' ? undefined : (b as string))
    case CALLS.replaceBody:
      return view.replaceBody(typeof b === 'string' ? Buffer.from(b) : (b as Uint8Array))
    case CALLS.decode:
      return Buffer.from(a as Uint8Array).toString()
    case CALLS.encode:
      return Buffer.from(a as string)
    default:
      throw new TypeError('the gateway does not know this call')
  }
}

/** Text and JSON are text already; the type is said unless the function says it. */
function respond(
  view: SessionView,
  status: number,
  kind: number,
  body: string | Uint8Array,
  written: string,
): undefined {
  const fields = JSON.parse(written) as Record<string, string | string[]>
  const checked: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(fields ?? {}))
    checked[name] = Array.isArray(value) ? value.map(String) : String(value)
  if (kind === KINDS.json && !Object.keys(checked).some((name) => /^content-type$/i.test(name)))
    checked['Content-Type'] = 'application/json'
  view.respond(status, body, checked)
}
