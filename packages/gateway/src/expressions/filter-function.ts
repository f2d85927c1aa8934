import { Script } from 'node:vm'
import { ExpressionError } from './expression-error.ts'
import type { VariableSource } from './variables.ts'

/** A compiled `filter_func`: whether the route may be taken. Never throws. */
export type FilterFunction = (source: VariableSource, session?: unknown) => boolean

/** What the function sees as `vars`: `vars.arg_x`. Names the request has no value for are undefined. */
type Variables = Readonly<Record<string, string | number | undefined>>

// The one source that `vars` reads at the moment; set around each call, so that a `vars` kept past it reads nothing.
let current: VariableSource | undefined

// One proxy for the thread instead of one a request: matching a route is synchronous.
const variables: Variables = new Proxy(Object.create(null) as Variables, {
  get: (_target, name) => (typeof name === 'string' ? current?.variable(name) : undefined),
  has: (_target, name) => typeof name === 'string' && current?.variable(name) !== undefined,
  set: () => false,
  defineProperty: () => false,
  deleteProperty: () => false,
})

/** Where the text stands in `filter_func.js`: after this wrapping parenthesis. */
const OPENING = '(\n'

/**
 * Compiles `function (vars, session) { … }` or `(vars) => …`. It is the operator's own code and runs with all rights of
 * the process. A function that throws, or returns a promise, does not match; `onThrow` is told why.
 * @throws ExpressionError when the text is not one JavaScript function
 */
export function compileFilterFunction(source: string, onThrow?: (error: unknown) => void): FilterFunction {
  const filter = evaluate(source)
  return (request, session) => {
    const outer = current
    current = request
    try {
      const result = filter(variables, session)
      if (!isThenable(result)) return Boolean(result)
      // Its rejection would otherwise end the process; the answer comes too late in any case.
      result.then(undefined, () => undefined)
      throw new TypeError('filter_func returned a promise; routes are matched synchronously')
    } catch (error) {
      onThrow?.(error)
      return false
    } finally {
      current = outer
    }
  }
}

type UserFunction = (vars: Variables, session: unknown) => unknown

function evaluate(source: string): UserFunction {
  let value: unknown
  try {
    value = new Script(`${OPENING}${source}\n)`, { filename: 'filter_func.js', lineOffset: -1 }).runInThisContext()
  } catch (error) {
    throw new ExpressionError('', `is not JavaScript: ${String(error)}${hintForLua(source)}`)
  }
  if (typeof value !== 'function')
    throw new ExpressionError('', 'is not a function; write function (vars) { return vars.arg_x === "1" }')
  if (value.constructor !== Function)
    throw new ExpressionError('', 'is asynchronous or a generator; routes are matched synchronously')
  return value as UserFunction
}

function hintForLua(source: string): string {
  if (!/\bend\s*$/.test(source)) return ''
  return '. It looks like Lua; here it is JavaScript: function (vars) { return vars.arg_x === "1" }'
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
}
