import { describe, expect, it } from 'vitest'
import type { FakeOutcome } from './testing/fake-runtime-api.ts'
import { bodyOf, js, start, useNodeFunctions } from './testing/node-functions.ts'

useNodeFunctions()

describe('an error', () => {
  it.each([
    ['thrown', 'exports.handler = () => { throw new RangeError("no") }', 'RangeError', 'no'],
    ['rejected', 'exports.handler = async () => { throw new RangeError("no") }', 'RangeError', 'no'],
    ['no Error', 'exports.handler = async () => { throw "text" }', 'string', 'text'],
    [
      'a cycle',
      'const a = {}; a.a = a; exports.handler = async () => a',
      'Runtime.JSONStringifyError',
      'Unable to stringify response body',
    ],
    ['a BigInt', 'exports.handler = async () => 1n', 'Runtime.JSONStringifyError', 'Unable to stringify response body'],
  ])('%s goes to the caller, and the next event is served', async (_what, text, errorType, errorMessage) => {
    const runtime = await start(js(text))
    for (let i = 0; i < 2; i++) {
      const outcome = await runtime.invoke({})
      expect(outcome).toMatchObject({ kind: 'error', headers: { 'lambda-runtime-function-error-type': errorType } })
      expect(bodyOf(outcome)).toMatchObject({ errorType, errorMessage, trace: expect.any(Array) })
    }
    expect(await runtime.output()).toContain('\tERROR\tInvoke Error \t{"errorType":"')
  })

  it('has a trace, and a cause for tracing in ASCII', async () => {
    const runtime = await start(js('exports.handler = async () => { throw new Error("naïve\\n関") }'))
    const outcome = await runtime.invoke({})
    expect(bodyOf(outcome)).toMatchObject({
      errorMessage: 'naïve\n関',
      trace: expect.arrayContaining(['Error: naïve', '関', expect.stringContaining('index.js:1')]),
    })
    const cause = (outcome as FakeOutcome).headers['lambda-runtime-function-xray-error-cause'] as string
    expect(JSON.parse(cause)).toMatchObject({
      exceptions: [
        { type: 'Error', message: 'naïve\n関', stack: expect.arrayContaining([expect.objectContaining({ line: 1 })]) },
      ],
    })
  })

  it.each([
    ['exception', 'setTimeout(() => { throw new Error("late") })', 'Error', 'late', 129],
    ['rejection', 'Promise.reject(new Error("late"))', 'Runtime.UnhandledPromiseRejection', 'Error: late', 128],
  ])('nobody caught (%s) ends the process', async (_what, text, errorType, errorMessage, status) => {
    const runtime = await start(
      js(`exports.handler = () => new Promise(() => { ${text}; setInterval(() => {}, 1000) })`),
    )
    expect(bodyOf(await runtime.invoke({}))).toMatchObject({ errorType, errorMessage })
    expect(await runtime.exited).toMatchObject({ status })
  })

  it('process.exit ends it without a word', async () => {
    const runtime = await start(js('exports.handler = async () => process.exit(3)'))
    expect(await runtime.invoke({})).toEqual({ kind: 'exit', status: 3, signal: null })
  })

  it.each([
    ['no such module', {}, 'index.handler', 'Runtime.ImportModuleError', "Error: Cannot find module 'index'"],
    [
      'a module it needs',
      js('require("nothing")'),
      'index.handler',
      'Runtime.ImportModuleError',
      "Cannot find module 'nothing'",
    ],
    [
      'an import it needs',
      { 'index.mjs': 'import "nothing"' },
      'index.handler',
      'Runtime.ImportModuleError',
      "Cannot find package 'nothing'",
    ],
    [
      'no such export',
      js(''),
      'index.handler',
      'Runtime.HandlerNotFound',
      'index.handler is undefined or not exported',
    ],
    [
      'no function',
      js('exports.handler = 1'),
      'index.handler',
      'Runtime.HandlerNotFound',
      'index.handler is not a function',
    ],
    ['no dot', js(''), 'index', 'Runtime.MalformedHandlerName', 'Bad handler'],
    [
      '..',
      js(''),
      '../index.handler',
      'Runtime.MalformedHandlerName',
      "'../index.handler' is not a valid handler name.",
    ],
    ['syntax', js('exports.handler = ('), 'index.handler', 'Runtime.UserCodeSyntaxError', 'SyntaxError: '],
    ['its own', js('throw new TypeError("at init")'), 'index.handler', 'TypeError', 'at init'],
    [
      'a rejected await',
      { 'index.mjs': 'await Promise.reject(new TypeError("at init"))' },
      'index.handler',
      'TypeError',
      'at init',
    ],
    [
      'a wrong stream',
      js(
        'exports.handler = async () => 1; exports.handler[Symbol.for("aws.lambda.runtime.handler.streaming")] = "request"',
      ),
      'index.handler',
      'Runtime.MalformedStreamingHandler',
      'Only response streaming is supported.',
    ],
  ])('in init: %s', async (_what, files, handler, errorType, message) => {
    const runtime = await start({ 'package.json': '{}', ...files }, { handler })
    const error = await runtime.initError
    expect(error.headers['lambda-runtime-function-error-type']).toBe(errorType)
    expect(bodyOf(error)).toMatchObject({ errorType, errorMessage: expect.stringContaining(message) })
    expect(await runtime.exited).toMatchObject({ status: 1 })
    expect(runtime.api.calls).toEqual(['/2018-06-01/runtime/init/error'])
  })

  it('process.exit in init', async () => {
    const runtime = await start(js('process.exit(7)'))
    expect(await runtime.invoke({})).toMatchObject({ status: 7 })
  })
})
