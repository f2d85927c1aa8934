import { LogThrottle } from '@sekisho/proxy'
import type { Rights } from '../../scripts/index.ts'
import type { GatewaySession } from '../../session.ts'
import type { PluginContext } from '../context.ts'
import type { PluginHooks } from '../definition.ts'
import { FAILED, FunctionRunner } from '../serverless/function-runner.ts'
import type { FunctionOptions } from '../serverless/options.ts'
import { answerOf, changed, type ExitAnswer } from './exit-answer.ts'

const NAME = 'exit-transformer'
const READS: Rights = { request: false, respond: false, response: false, wait: false }
const NOTHING = Buffer.alloc(0)

/** The hooks that hand answers of the gateway to functions, whole. */
export function exitHooks(options: FunctionOptions, context: PluginContext): PluginHooks {
  const runner = new FunctionRunner(NAME, options, READS, context)
  const throttle = new LogThrottle()
  const key = `${NAME} ${context.scope}`

  /** undefined: the answer stays as it is. 'failed': and is not to leave. */
  function transformed(session: GatewaySession, body: Buffer): ExitAnswer | undefined | 'failed' {
    const first = answerOf(session.response!, body)
    let answer = first
    for (let index = 0; index < runner.count; index++) {
      const value = runner.callNow(index, session, [answer], true)
      if (value === FAILED) return 'failed'
      const next = changed(answer, value)
      if (typeof next === 'string') {
        if (!throttle.holds('returned')) {
          context.logger.error({ scope: context.scope }, `${NAME}: functions[${index}] returned ${next}`)
        }
        if (!runner.failsOpen) return 'failed'
      } else answer = next
    }
    return answer === first ? undefined : answer
  }

  /** @returns the body that leaves */
  function finish(session: GatewaySession, whole: Buffer): Uint8Array {
    const answer = transformed(session, whole)
    if (answer === undefined) return whole
    const response = session.response!
    if (answer !== 'failed') return answer.applyTo(response)
    response.headers.clear()
    response.status = 500
    response.reason = ''
    return NOTHING
  }

  return {
    rewrite: () => runner.prepare(),
    headerFilter(session) {
      const isOurs = session.responseSource === 'local' && session.response!.status >= 200
      const hasBody = session.ctx.method !== 'HEAD' && ![204, 304].includes(session.response!.status)
      session.ctx.setState(key, isOurs && hasBody ? [] : undefined)
      if (!isOurs) return
      // It is in memory anyway.
      if (hasBody) session.holdResponse(Infinity)
      else finish(session, NOTHING)
    },
    bodyFilter(session, chunk, end) {
      const kept = session.ctx.getState<Buffer[]>(key)
      if (kept === undefined) return undefined
      if (chunk.length > 0) kept.push(Buffer.from(chunk))
      if (!end) return NOTHING
      session.ctx.setState(key, undefined)
      return finish(session, Buffer.concat(kept))
    },
    dispose: runner.dispose,
  }
}
