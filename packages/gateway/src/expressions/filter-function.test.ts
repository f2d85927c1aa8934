import { describe, expect, it } from 'vitest'
import { ExpressionError } from './expression-error.ts'
import { compileFilterFunction } from './filter-function.ts'

const source = (variables: Record<string, string | number>) => ({
  variable: (name: string) => (Object.hasOwn(variables, name) ? variables[name] : undefined),
})

describe('compileFilterFunction', () => {
  it('reads variables as properties of vars', () => {
    const filter = compileFilterFunction(
      'function (vars) { return vars.arg_x === "1" && vars["http_user-agent"] === undefined }',
    )
    expect(filter(source({ arg_x: '1' }))).toBe(true)
    expect(filter(source({ arg_x: '2' }))).toBe(false)
  })

  it('takes an arrow function, and passes the session', () => {
    const filter = compileFilterFunction('(vars, session) => "arg_x" in vars && session.allowed')
    expect(filter(source({ arg_x: '1' }), { allowed: true })).toBe(true)
    expect(filter(source({ arg_x: '1' }), { allowed: false })).toBe(false)
    expect(filter(source({}), { allowed: true })).toBe(false)
  })

  it('has no properties from a prototype', () => {
    expect(compileFilterFunction('(vars) => vars.constructor === undefined && !("toString" in vars)')(source({}))).toBe(
      true,
    )
  })

  it('does not match when the function throws, and reports it', () => {
    const errors: unknown[] = []
    const filter = compileFilterFunction('function (vars) { return vars.none.x }', (error) => errors.push(error))
    expect(filter(source({}))).toBe(false)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toBeInstanceOf(TypeError)
    expect((errors[0] as Error).stack).toContain('filter_func.js:1')
  })

  it('does not match when the function returns a promise, even a rejected one', () => {
    const errors: unknown[] = []
    const filter = compileFilterFunction('() => Promise.reject(new Error("late"))', (error) => errors.push(error))
    expect(filter(source({}))).toBe(false)
    expect(String(errors[0])).toBe('TypeError: filter_func returned a promise; routes are matched synchronously')
  })

  it('forgets the request after the call', () => {
    const filter = compileFilterFunction('(vars, session) => { session.kept = vars; return true }')
    const session: { kept?: Record<string, unknown> } = {}
    filter(source({ arg_x: '1' }), session)
    expect(session.kept?.arg_x).toBeUndefined()
  })

  it('keeps its request when another function runs inside it', () => {
    const inner = compileFilterFunction('(vars) => vars.arg_x === "inner"')
    const outer = compileFilterFunction('(vars, session) => session.inner() && vars.arg_x === "outer"')
    expect(outer(source({ arg_x: 'outer' }), { inner: () => inner(source({ arg_x: 'inner' })) })).toBe(true)
  })

  it.each([
    [
      'function (vars) return vars.arg_x == "1" end',
      /^is not JavaScript: SyntaxError: .*It looks like Lua; here it is JavaScript/,
    ],
    ['function (vars) { return', /^is not JavaScript: SyntaxError/],
    ['42', /^is not a function/],
    ['async (vars) => true', /^is asynchronous or a generator/],
    ['function* (vars) { yield true }', /^is asynchronous or a generator/],
  ])('refuses %s', (text, message) => {
    expect(() => compileFilterFunction(text)).toThrow(ExpressionError)
    expect(() => compileFilterFunction(text)).toThrow(message)
  })
})
