import type { Rights } from '../../scripts/index.ts'
import type { GatewaySession } from '../../session.ts'
import type { PluginContext } from '../context.ts'
import type { PluginHooks } from '../definition.ts'
import { FAILED, FunctionRunner } from './function-runner.ts'
import type { FunctionOptions } from './options.ts'

export const PHASES = ['rewrite', 'access', 'header_filter', 'body_filter', 'log', 'before_proxy'] as const
type Phase = (typeof PHASES)[number]

const READS: Rights = { request: false, respond: false, response: false, wait: false }
const RIGHTS: Readonly<Record<Phase, Rights>> = {
  rewrite: { request: true, respond: true, response: false, wait: true },
  access: { request: true, respond: true, response: false, wait: true },
  before_proxy: { request: true, respond: true, response: false, wait: false },
  header_filter: { ...READS, response: true },
  body_filter: READS,
  log: READS,
}

const NOTHING = new Uint8Array(0)

/** The hooks of functions that run in one phase. */
export function functionHooks(
  name: string,
  { phase, ...options }: FunctionOptions & { readonly phase: Phase },
  context: PluginContext,
): PluginHooks {
  const runner = new FunctionRunner(name, options, RIGHTS[phase], context)
  const { dispose, prepare } = runner
  const run = (session: GatewaySession): void | Promise<void> => runner.run(session, refuse)
  switch (phase) {
    case 'rewrite':
      return { rewrite: run, dispose }
    case 'access':
      return { access: run, dispose }
    case 'before_proxy':
      return { balancer: oncePerRequest(`${name} ${context.scope}`, run), dispose }
    case 'header_filter':
      return { rewrite: prepare, ...headerHooks(`${name} ${context.scope}`, runner), dispose }
    case 'body_filter':
      return { rewrite: prepare, ...bodyHooks(name, runner), dispose }
    case 'log':
      return { rewrite: prepare, log: (session) => void runner.runNow(session), dispose }
  }
}

/** Says nothing of why: that is in the log. */
function refuse(session: GatewaySession): void {
  session.respond(500, { message: 'internal error' })
}

/** A second attempt at another node is no second request. */
function oncePerRequest(key: string, run: (session: GatewaySession) => void | Promise<void>): PluginHooks['balancer'] {
  return (session) => {
    if (session.ctx.getState<boolean>(key) === true) return undefined
    session.ctx.setState(key, true)
    return run(session)
  }
}

/** A response whose head could not be looked after does not leave. */
function headerHooks(key: string, runner: FunctionRunner): PluginHooks {
  const headerFilter = (session: GatewaySession): void => {
    const { response, ctx } = session
    if (response === undefined || response.status < 200) return
    if (ctx.getState<boolean>(key) !== undefined) ctx.setState(key, undefined)
    if (runner.runNow(session)) return
    ctx.setState(key, true)
    response.headers.clear()
    response.headers.set('Content-Length', '0')
    response.status = 500
    response.reason = ''
  }
  if (runner.failsOpen) return { headerFilter }
  return {
    headerFilter,
    bodyFilter: ({ ctx }) => (ctx.getState<boolean>(key) === true ? NOTHING : undefined),
  }
}

function bodyHooks(name: string, runner: FunctionRunner): PluginHooks {
  return {
    headerFilter({ response }) {
      if (response !== undefined && response.status >= 200) response.headers.delete('content-length')
    },
    bodyFilter(session, chunk, end) {
      let piece: Uint8Array = chunk
      for (let index = 0; index < runner.count; index++) {
        const value = runner.callNow(index, session, [piece, end], true)
        if (typeof value === 'string') piece = Buffer.from(value)
        else if (value instanceof Uint8Array) piece = value
        // What has left cannot be taken back: the response is broken off.
        else if (value === FAILED) throw new Error(`${name}: a function failed, and the response is broken off`)
      }
      return piece === chunk ? undefined : piece
    },
  }
}
