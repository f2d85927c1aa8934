/**
 * Delays or fails a part of the requests on purpose, to see how clients and services bear it. Runs before nearly every other plugin.
 *
 * ```yaml
 * plugins:
 *   fault-injection:
 *     delay: { duration: 1.5, percentage: 10 }
 *     abort:
 *       http_status: 503
 *       body: "{\"error\": \"out of order\", \"client\": \"$remote_addr\"}"
 *       headers: { Content-Type: application/json, X-Fault: injected }
 *       vars: [[["arg_fault", "==", "1"]], [["http_x_fault", "==", "1"]]]
 * ```
 *
 * ```sh
 * curl -i 'http://127.0.0.1:8080/a?fault=1'             # 503, X-Fault: injected, body: {"error": "out of order", "client": "127.0.0.1"}, no upstream
 * curl -i http://127.0.0.1:8080/a                       # 200, upstream: GET /a
 * ```
 *
 * One request in ten waits 1.5 s. Requests with `?fault=1` or the header `X-Fault: 1` are answered with a 503 (after the delay, if they are
 * delayed too) and reach no upstream. `vars` is a list of expressions, of which one must be true; without `percentage` all such requests
 * are hit. Body and header values may have variables in them.
 *
 * Cost: one random number and the expressions; a timer for a request that is delayed.
 */
import { type Static, Type } from '../schema/type.ts'
import { compileExpression, type Condition } from '../expressions/index.ts'
import type { GatewaySession } from '../session.ts'
import { compileText, type TextTemplate } from '../variables/template.ts'
import { type ConfigProblem, definePlugin } from './definition.ts'
import { expressionProblem } from './expression-problem.ts'
import { checkHeaderFields, fieldValue, headerFields } from './rewriting/header-fields.ts'
import { MAX_PAUSE_SECONDS, pause } from './pause.ts'

const percentage = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: 100,
    description: 'how many requests of a hundred are hit, by chance; all unless given',
  }),
)
const vars = Type.Optional(
  Type.Array(Type.Array(Type.Unknown()), {
    maxItems: 20,
    description: 'expressions; a request is hit when one of them is true',
  }),
)

const Abort = Type.Object(
  {
    // APISIX has no upper bound; a status line has room for three digits.
    http_status: Type.Integer({ minimum: 200, maximum: 999, description: 'status of the answer' }),
    body: Type.Optional(Type.String({ description: 'body of the answer, with variables' })),
    headers: Type.Optional(headerFields('header fields of the answer, with variables in their values')),
    percentage,
    vars,
  },
  { additionalProperties: false, description: 'answer instead of the upstream' },
)

const Delay = Type.Object(
  {
    duration: Type.Number({ minimum: 0, maximum: MAX_PAUSE_SECONDS, description: 'seconds' }),
    percentage,
    vars,
  },
  { additionalProperties: false, description: 'hold the request back' },
)

const schema = Type.Object(
  { abort: Type.Optional(Abort), delay: Type.Optional(Delay) },
  { additionalProperties: false, minProperties: 1 },
)

type Fault = Pick<Static<typeof Delay>, 'percentage' | 'vars'>

export default definePlugin({
  name: 'fault-injection',
  priority: 11_000,
  schema,
  check({ abort, delay }) {
    return (
      checkHeaderFields(abort?.headers, '/abort/headers') ??
      checkVars(abort?.vars, '/abort/vars') ??
      checkVars(delay?.vars, '/delay/vars')
    )
  },
  create({ abort, delay }) {
    const answer = abort === undefined ? undefined : compileAbort(abort)
    if (delay === undefined) return answer === undefined ? {} : { rewrite: answer }
    const isHit = compileFault(delay)
    const { duration } = delay
    return {
      rewrite(session) {
        if (duration === 0 || !isHit(session)) return answer?.(session)
        const waiting = pause(duration)
        return answer === undefined ? waiting : waiting.then(() => answer(session))
      },
    }
  },
})

/** Whether a request is hit. A list of no expressions hits none, as in APISIX. */
function compileFault({ percentage: percent = 100, vars: expressions }: Fault): (session: GatewaySession) => boolean {
  const conditions = expressions?.map((expression): Condition => compileExpression(expression))
  return ({ ctx }) => {
    if (percent < 100 && Math.random() * 100 >= percent) return false
    if (conditions === undefined) return true
    for (const condition of conditions) if (condition(ctx)) return true
    return false
  }
}

function compileAbort(abort: Static<typeof Abort>): (session: GatewaySession) => void {
  const isHit = compileFault(abort)
  const body = compileText(abort.body ?? '')
  const fields = Object.entries(abort.headers ?? {}).map(([name, value]): [string, TextTemplate] => [
    name,
    compileText(String(value)),
  ])
  return (session) => {
    if (!isHit(session)) return
    const headers: Record<string, string> = {}
    for (const [name, value] of fields) headers[name] = fieldValue(value(session.ctx))
    session.respond(abort.http_status, body(session.ctx), headers)
  }
}

function checkVars(expressions: readonly unknown[] = [], path: string): ConfigProblem | undefined {
  for (const [index, expression] of expressions.entries()) {
    const wrong = expressionProblem(`${path}/${index}`, () => compileExpression(expression))
    if (wrong !== undefined) return wrong
  }
  return undefined
}
