import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { DeployedFunction } from '../model/deployed-function.ts'
import { Interpreters } from './interpreters.ts'
import type { FakeOutcome } from './testing/fake-runtime-api.ts'
import { deployedFunction } from './testing/deployed-function.ts'
import { RunningRuntime, type RuntimeExit } from './testing/run-runtime.ts'

let folder: string
let interpreters: Interpreters
let running: RunningRuntime | undefined

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-nodejs-'))
  interpreters = await Interpreters.find({ ...(node24 === undefined ? {} : { 'nodejs24.x': node24 }) })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(async () => {
  await running?.stop()
  running = undefined
})

const node24 = process.env['SEKISHO_NODE24'] ?? (process.versions.node.startsWith('24.') ? process.execPath : undefined)
const own = `nodejs${process.versions.node.split('.', 1)[0]}.x`

let count = 0

/** Starts a function of these files. */
async function start(files: Record<string, string>, changes: Partial<DeployedFunction> = {}): Promise<RunningRuntime> {
  const task = join(folder, String(count++))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(task, name)), { recursive: true })
    writeFileSync(join(task, name), text)
  }
  running = await RunningRuntime.start(deployedFunction(task, { runtime: own, ...changes }), { interpreters })
  return running
}

const js = (text: string): Record<string, string> => ({ 'index.js': text })
const bodyOf = (outcome: FakeOutcome | RuntimeExit): unknown =>
  outcome.kind === 'exit' ? outcome : (JSON.parse(outcome.body.toString()) as unknown)

describe('a handler', () => {
  it.each([
    ['an async function', 'exports.handler = async (event) => ({ got: event })', { got: { a: 1 } }],
    ['a plain return value', 'exports.handler = (event) => ({ got: event })', { got: { a: 1 } }],
    ['a promise later', 'exports.handler = () => new Promise((r) => setTimeout(r, 5, "later"))', 'later'],
    ['nothing', 'exports.handler = async () => {}', null],
    ['a thenable', 'exports.handler = () => ({ then: (done) => done(7) })', 7],
    ['text beyond ASCII', 'exports.handler = async () => "Zoë 関所"', 'Zoë 関所'],
    ['what JSON leaves out', 'exports.handler = async () => () => 1', null],
  ])('answers by %s', async (_what, text, answer) => {
    const runtime = await start(js(text))
    expect(bodyOf(await runtime.invoke({ a: 1 }))).toEqual(answer)
    expect(bodyOf(await runtime.invoke({ a: 1 }))).toEqual(answer)
  })

  it.each([
    ['CommonJS', { 'index.js': 'exports.handler = async () => 1' }, 'index.handler'],
    ['.mjs', { 'index.mjs': 'export const handler = async () => 1' }, 'index.handler'],
    ['.cjs', { 'index.cjs': 'exports.handler = async () => 1' }, 'index.handler'],
    [
      '"type": "module"',
      { 'package.json': '{"type":"module"}', 'index.js': 'export const handler = () => 1' },
      'index.handler',
    ],
    [
      'await at the top',
      { 'index.mjs': 'const one = await Promise.resolve(1); export const handler = () => one' },
      'index.handler',
    ],
    ['a default export', { 'index.mjs': 'export default { handler: async () => 1 }' }, 'index.handler'],
    ['a nested export', { 'index.js': 'exports.a = { b: { c: async () => 1 } }' }, 'index.a.b.c'],
    ['a folder', { 'src/app/index.js': 'exports.handler = async () => 1' }, 'src/app/index.handler'],
    ['a package', { 'node_modules/pack/index.js': 'exports.handler = async () => 1' }, 'pack.handler'],
    [
      'a file before a folder of its name',
      { 'app/x.js': '', 'app.js': 'exports.handler = async () => 1' },
      'app.handler',
    ],
  ])('is found in %s', async (_what, files, handler) => {
    const runtime = await start(files, { handler })
    expect(bodyOf(await runtime.invoke({}))).toBe(1)
  })

  it('gets large events and gives large answers', async () => {
    const runtime = await start(js('exports.handler = async (event) => event.text'))
    const text = 'é'.repeat(2_500_000)
    expect(bodyOf(await runtime.invoke({ text }))).toBe(text)
    expect(bodyOf(await runtime.invoke({ text: 'small' }))).toBe('small')
  })

  it('gets modules of layers by NODE_PATH', async () => {
    const layers = join(folder, 'layers')
    mkdirSync(join(layers, 'nodejs/node_modules/inlayer'), { recursive: true })
    writeFileSync(join(layers, 'nodejs/node_modules/inlayer/index.js'), 'module.exports = "layer"')
    const files = js('const l = require("inlayer"); exports.handler = async () => l')
    const runtime = await start(files, { layersDirectory: layers })
    expect(bodyOf(await runtime.invoke({}))).toBe('layer')
  })
})

describe.runIf(Number(process.versions.node.split('.', 1)[0]) < 24)('a handler with a callback', () => {
  it.each([
    ['a result', '(e, c, cb) => cb(null, "called")', 'called'],
    ['a result later', '(e, c, cb) => { setTimeout(() => cb(null, "called"), 5) }', 'called'],
    ['nothing, ever', '(e, c, cb) => {}', null],
    ['context.succeed', '(e, c) => { setTimeout(() => c.succeed("called"), 5) }', 'called'],
    ['context.done', '(e, c) => { c.done(null, "called") }', 'called'],
    [
      'no wait for the event loop',
      '(e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); cb(null, "called") }',
      'called',
    ],
    [
      'a value that is not the answer',
      '(e, c, cb) => { setTimeout(() => cb(null, "called"), 5); return "returned" }',
      'called',
    ],
    ['a promise that nobody keeps', 'async () => new Promise(() => {})', null],
  ])('answers by %s', async (_what, handler, answer) => {
    const runtime = await start(js(`exports.handler = ${handler}`))
    expect(bodyOf(await runtime.invoke({}))).toEqual(answer)
    expect(bodyOf(await runtime.invoke({}))).toEqual(answer)
  })

  it('waits for the event loop before it is over', async () => {
    const runtime = await start(
      js('exports.handler = (e, c, cb) => { setTimeout(() => console.log("late"), 20); cb(null, 1) }'),
    )
    expect(bodyOf(await runtime.invoke({}))).toBe(1)
    expect(await runtime.output()).toContain('late')
  })

  it.each([
    ['the callback', '(e, c, cb) => cb(new TypeError("no"))'],
    ['context.fail', '(e, c) => { c.fail(new TypeError("no")) }'],
    ['context.done', '(e, c) => { c.done(new TypeError("no")) }'],
  ])('fails by %s', async (_what, handler) => {
    const runtime = await start(js(`exports.handler = ${handler}`))
    const outcome = await runtime.invoke({})
    expect(outcome.kind).toBe('error')
    expect(bodyOf(outcome)).toMatchObject({ errorType: 'TypeError', errorMessage: 'no' })
  })
})

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

describe('context and environment', () => {
  it('say all about the invocation', async () => {
    const runtime = await start(
      js(
        'exports.handler = async (e, c) => ({ ...c, left: c.getRemainingTimeInMillis(), trace: process.env._X_AMZN_TRACE_ID, argv: process.argv.length, cwd: process.cwd() })',
      ),
    )
    const answer = bodyOf(
      await runtime.invoke(
        {},
        {
          'Lambda-Runtime-Trace-Id': 'Root=1-2-3;Sampled=1',
          'Lambda-Runtime-Client-Context': '{"custom":{"a":"b"}}',
          'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
          'Lambda-Runtime-Aws-Tenant-Id': 'blue',
        },
      ),
    ) as { left: number }
    expect(answer).toMatchObject({
      functionName: 'fn',
      functionVersion: '$LATEST',
      memoryLimitInMB: '256',
      logGroupName: '/aws/lambda/fn',
      logStreamName: '2026/11/20/[$LATEST]0123456789abcdef0123456789abcdef',
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fn',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      clientContext: { custom: { a: 'b' } },
      identity: { cognitoIdentityId: 'i', cognitoIdentityPoolId: 'p' },
      tenantId: 'blue',
      trace: 'Root=1-2-3;Sampled=1',
      argv: 2,
    })
    expect(answer.left).toBeGreaterThan(1000)
    expect(answer.left).toBeLessThanOrEqual(3000)
    expect(bodyOf(await runtime.invoke({}))).not.toHaveProperty('trace')
  })

  it('NODE_OPTIONS of the user is in force', async () => {
    const changes = { environment: { NODE_OPTIONS: '--stack-trace-limit=1' } }
    const runtime = await start(js('exports.handler = async () => Error.stackTraceLimit'), changes)
    expect(bodyOf(await runtime.invoke({}))).toBe(1)
  })

  it('InvokeStore knows the request', async () => {
    const runtime = await start(
      js(
        'exports.handler = async (e, c) => { awslambda.InvokeStore.set("k", 1); return [awslambda.InvokeStore.getRequestId() === c.awsRequestId, awslambda.InvokeStore.get("k")] }',
      ),
    )
    expect(bodyOf(await runtime.invoke({}))).toEqual([true, 1])
  })

  it('several at once with AWS_LAMBDA_MAX_CONCURRENCY', async () => {
    const text =
      'let n = 0; let go; const all = new Promise((r) => { go = r }); exports.handler = async (e, c) => { if (++n === 3) go(); await all; return awslambda.InvokeStore.getRequestId() === c.awsRequestId }'
    const runtime = await start(js(text), { environment: { AWS_LAMBDA_MAX_CONCURRENCY: '3' } })
    const outcomes = await Promise.all([1, 2, 3].map((n) => runtime.invoke({ n })))
    expect(outcomes.map(bodyOf)).toEqual([true, true, true])
  })
})

describe('the console', () => {
  it('writes a line a record', async () => {
    const runtime = await start(
      js(
        'console.log("init"); exports.handler = async (e, c) => { console.log("a\\nb", { x: 1 }); console.error(new Error("no").message); console.debug("%s!", "d"); console.warn("w"); console.trace("t"); return c.awsRequestId }',
      ),
    )
    const id = bodyOf(await runtime.invoke({})) as string
    const lines = (await runtime.output())
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    expect(lines.map(([, ...rest]) => rest)).toEqual([
      [own === 'nodejs24.x' ? '-' : 'undefined', 'INFO', 'init'],
      [id, 'INFO', 'a\rb { x: 1 }'],
      [id, 'ERROR', 'no'],
      [id, 'DEBUG', 'd!'],
      [id, 'WARN', 'w'],
      [id, 'TRACE', 't'],
    ])
    expect(lines[0]![0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it('writes JSON, and only what is important enough', async () => {
    const logging = { format: 'JSON', applicationLevel: 'INFO', systemLevel: undefined, group: 'g' } as const
    const runtime = await start(
      js(
        'exports.handler = async (e, c) => { console.debug("no"); console.info({ a: 1 }); console.error("failed", new TypeError("t")); console.log(new RangeError("r")); return c.awsRequestId }',
      ),
      { logging },
    )
    const requestId = bodyOf(await runtime.invoke({}))
    const lines = (await runtime.output())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(lines).toMatchObject([
      { level: 'INFO', requestId, message: { a: 1 }, timestamp: expect.any(String) },
      { level: 'ERROR', requestId, errorType: 'TypeError', errorMessage: 't', stackTrace: expect.any(Array) },
      { level: 'INFO', requestId, message: { errorType: 'RangeError', errorMessage: 'r' } },
    ])
  })

  it('writes whole lines however much it is', async () => {
    const runtime = await start(
      js(
        'process.stdout.write("raw\\n"); exports.handler = async () => { for (let i = 0; i < 300; i++) console.log("x".repeat(5000)) }',
      ),
    )
    await runtime.invoke({})
    expect((await runtime.output()).match(/x{5000}/g)).toHaveLength(300)
  })
})

describe('streaming', () => {
  const streamed = (text: string): Record<string, string> =>
    js(`exports.handler = awslambda.streamifyResponse(async (event, stream, context) => { ${text} })`)

  it('sends pieces as they are written', async () => {
    const runtime = await start(
      streamed('stream.write("a"); stream.write({ b: 1 }); stream.write(Buffer.from("c")); stream.end("d")'),
    )
    for (let i = 0; i < 2; i++) {
      const outcome = (await runtime.invoke({})) as FakeOutcome
      expect(outcome.body.toString()).toBe('a{"b":1}cd')
      expect(outcome.headers).toMatchObject({
        'content-type': 'application/octet-stream',
        'lambda-runtime-function-response-mode': 'streaming',
        'transfer-encoding': 'chunked',
      })
      expect(outcome.trailers).toEqual({})
    }
  })

  it.each([
    ['a body', 'stream.write("body"); stream.end()', 'body'],
    ['no body', 'stream.end()', ''],
  ])('sends a prelude before %s', async (_what, text, body) => {
    const runtime = await start(
      streamed(`stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 }); ${text}`),
    )
    const outcome = (await runtime.invoke({})) as FakeOutcome
    expect(outcome.headers['content-type']).toBe('application/vnd.awslambda.http-integration-response')
    expect(outcome.body.toString('latin1')).toBe(`{"statusCode":201}\0\0\0\0\0\0\0\0${body}`)
  })

  it('works with pipeline, back-pressure and 20 MB', async () => {
    const text =
      'const { Readable } = require("node:stream"); const { pipeline } = require("node:stream/promises"); function* g() { for (let i = 0; i < 320; i++) yield Buffer.alloc(65536, 120) } await pipeline(Readable.from(g()), stream)'
    const runtime = await start(streamed(text))
    expect(((await runtime.invoke({})) as FakeOutcome).body).toHaveLength(320 * 65_536)
  })

  it('waits for an end that comes after the promise', async () => {
    const runtime = await start(streamed('setTimeout(() => stream.end("late"), 10)'))
    expect(((await runtime.invoke({})) as FakeOutcome).body.toString()).toBe('late')
    expect(((await runtime.invoke({})) as FakeOutcome).body.toString()).toBe('late')
  })

  it('says in trailers that it failed on the way', async () => {
    const runtime = await start(streamed('stream.write("part"); throw new TypeError("no")'))
    for (let i = 0; i < 2; i++) {
      const outcome = (await runtime.invoke({})) as FakeOutcome
      expect(outcome.body.toString()).toBe('part')
      expect(outcome.trailers['lambda-runtime-function-error-type']).toBe('TypeError')
      const error = Buffer.from(outcome.trailers['lambda-runtime-function-error-body']!, 'base64').toString()
      expect(JSON.parse(error)).toMatchObject({ errorType: 'TypeError', errorMessage: 'no' })
    }
  })

  it.each([
    ['fails before it wrote', 'throw new TypeError("no")', 'no'],
    ['destroys the stream', 'stream.destroy()', 'Response stream is not finished.'],
  ])('is an error when it %s', async (_what, text, errorMessage) => {
    const runtime = await start(streamed(text))
    for (let i = 0; i < 2; i++) {
      const outcome = await runtime.invoke({})
      expect(outcome.kind).toBe('error')
      expect(bodyOf(outcome)).toMatchObject({ errorMessage })
    }
  })

  it('needs an async handler', async () => {
    const runtime = await start(js('exports.handler = awslambda.streamifyResponse((event, stream) => 1)'))
    expect(bodyOf(await runtime.invoke({}))).toMatchObject({
      errorMessage: 'Streaming does not support non-async handlers.',
    })
  })
})

const has24 = node24 !== undefined && existsSync(node24)
describe.runIf(has24)(`Node.js 24${has24 ? '' : ' (skipped: SEKISHO_NODE24 names no node)'}`, () => {
  const runtime = 'nodejs24.x'
  it('refuses callbacks and has no context.done', async () => {
    const refused = await start(js('exports.handler = (e, c, cb) => cb()'), { runtime })
    expect(bodyOf(await refused.initError)).toMatchObject({ errorType: 'Runtime.CallbackHandlerDeprecated' })
    await refused.stop()
    const allowed = await start(js('exports.handler = (e, c) => [typeof c.done, process.version.slice(0, 3)]'), {
      runtime,
    })
    expect(bodyOf(await allowed.invoke({}))).toEqual(['undefined', 'v24'])
  })

  it('streams', async () => {
    const files = {
      'index.mjs': 'export const handler = awslambda.streamifyResponse(async (e, s, c) => { s.end("24") })',
    }
    const started = await start(files, { runtime })
    expect(((await started.invoke({})) as FakeOutcome).body.toString()).toBe('24')
  })
})
