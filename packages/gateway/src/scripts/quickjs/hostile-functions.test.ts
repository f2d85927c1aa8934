import { afterEach, describe, expect, it } from 'vitest'
import { TestSession } from '../../plugins/testing/mounted.ts'
import { makeFunctions, type ScriptFailure, SessionView } from '../index.ts'
import type { Functions } from '../script.ts'

const MIB = 1_048_576
const RIGHTS = { request: true, respond: true, response: true, wait: true }
const quiet = { error: () => undefined, warn: () => undefined, info: () => undefined }
const made: Functions[] = []

afterEach(() => {
  for (const functions of made.splice(0)) functions.dispose()
})

const viewOf = (session = new TestSession('/orders?id=7')): SessionView =>
  new SessionView(session.asSession, RIGHTS, 'test', quiet)

async function sandboxed(source: string, timeoutMs = 60, memoryBytes = 8 * MIB): Promise<Functions> {
  const functions = makeFunctions('quickjs', { sources: [source], timeoutMs, memoryBytes })
  made.push(functions)
  await functions.prepare()
  return functions
}

async function call(functions: Functions, view = viewOf()): Promise<unknown> {
  await functions.prepare()
  try {
    return await functions.run(0, view)
  } catch (error) {
    const { kind, message } = error as ScriptFailure
    return `${kind}: ${message.split('\n', 1)[0]}`
  }
}

const TOO_LONG = 'timeout: ran for longer than "timeout"'
/** Native loops are stopped a little later than steps of JavaScript. The machine of a test may be busy. */
const STOPPED_WITHIN_MS = 1_500

describe('a function that runs for too long is stopped', () => {
  it.each([
    ['a loop', '() => { for (;;); }'],
    ['a loop that catches all', '() => { for (;;) try { for (;;); } catch {} finally { continue } }'],
    ['a regular expression', "() => /^(a+)+$/.test('a'.repeat(40) + 'b')"],
    ['a built-in function that walks 2^53 elements', '() => Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)'],
    ['another one', '() => Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)'],
    ['a sort', '() => { for (;;) new Array(50_000).fill(0).map((_, i) => -i).sort() }'],
    ['numbers that grow', '() => { let n = 3n; for (;;) n = n * n % (2n ** 20000n) + 1n }'],
    [
      'text that is searched',
      "() => { const a = 'a'.repeat(1e6); for (;;) a.indexOf(a + 'b') + a.lastIndexOf('a'.repeat(5e5) + 'b') }",
    ],
    ['JSON', '() => { const a = new Array(1e4).fill({ a: [1, 2] }); for (;;) JSON.parse(JSON.stringify(a)) }'],
    ['promises without end', '() => { const f = () => Promise.resolve().then(f); f() }'],
    ['an asynchronous loop', 'async () => { for (;;) await null }'],
    ['a getter of what it throws', '() => { throw { get message() { for (;;); } } }'],
    ['a getter of an Error', '() => { throw Object.create(Error.prototype, { stack: { get() { for (;;); } } }) }'],
    ['calls of the gateway', "(s) => { for (;;) s.request.headers.get('a') }"],
    [
      'calls that are refused, and caught',
      "(s) => { const b = 'v'.repeat(1e6); for (;;) try { s.request.headers.set('a', b) } catch {} }",
    ],
  ])('%s', async (_name, source) => {
    const functions = await sandboxed(source)
    const startedAt = performance.now()
    expect(await call(functions)).toBe(TOO_LONG)
    expect(performance.now() - startedAt).toBeLessThan(STOPPED_WITHIN_MS)
  })
})

it('a function that is always stopped rests: it gets a twentieth of the worker', async () => {
  const functions = await sandboxed('() => { for (;;); }', 200)
  const outcomes = []
  for (let at = 0; at < 6; at++) outcomes.push(await call(functions))
  const resting = 'resting: was stopped too often, and is not called for a while'
  expect(outcomes).toEqual([TOO_LONG, TOO_LONG, TOO_LONG, resting, resting, resting])
})

describe('a function that wants memory without end gets what it may have', () => {
  it.each([
    ['objects', '() => { const a = []; for (;;) a.push({}) }'],
    ['text', "() => { const a = []; for (;;) a.push('x'.repeat(1e5) + a.length) }"],
    ['buffers', '() => { const a = []; for (;;) a.push(new Uint8Array(1e5)) }'],
    ['one buffer', '() => new ArrayBuffer(1e9)'],
    ['a long list', '() => { const a = [1]; for (;;) a.push(...a) }'],
  ])('%s', async (_name, source) => {
    const functions = await sandboxed(source, 2_000)
    expect(await call(functions)).toMatch(
      /^memory: used more than "memory"|^error: \w+: (?:stack overflow|invalid|out of memory|too many arguments)/,
    )
  })

  it('no more than that, and no less', async () => {
    const source = '() => { const a = []; try { for (;;) a.push(new Uint8Array(1e6)) } catch { return a.length } }'
    expect([3, 4]).toContain(await call(await sandboxed(source, 5_000, 4 * MIB)))
    expect([40, 41]).toContain(await call(await sandboxed(source, 5_000, 40 * MIB)))
  })

  it('a text of the gateway that does not fit is an error, not a broken memory', async () => {
    const functions = await sandboxed("(s) => s.request.headers.get('x-large').length", 2_000, MIB)
    const large = new TestSession('/', { headers: {} })
    large.request.headers.set('x-large', 'v'.repeat(3 * MIB))
    expect(await call(functions, viewOf(large))).toBe('memory: used more than "memory"')
    const small = new TestSession('/', { headers: { 'x-large': 'v' } })
    expect(await call(functions, viewOf(small))).toBe(1)
  })
})

it('what a function keeps for itself and never gives back costs its sandbox, not more', async () => {
  const functions = await sandboxed(
    'const kept = []; export default () => { for (let i = 0; i < 20; i++) kept.push(new Uint8Array(1e5)); return kept.length }',
    5_000,
  )
  const outcomes = []
  for (let at = 0; at < 6; at++) outcomes.push(await call(functions))
  expect(outcomes.slice(0, 4)).toEqual([20, 40, 60, 80])
  expect(outcomes).toContain('memory: used more than "memory"')
  expect(outcomes.at(-1)).toBe(20)
})

describe('what the next request meets is not changed by this one', () => {
  it.each([
    ['Object.prototype', '() => { Object.prototype.isAdmin = true }'],
    [
      'by a body with "__proto__"',
      `() => { const merge = (to, from) => { for (const k in from) typeof from[k] === 'object' ? merge(to[k] ??= {}, from[k]) : to[k] = from[k] };
      const own = JSON.parse('{"__proto__":{"isAdmin":true}}'); merge({}, own) }`,
    ],
    ['Array.prototype', '() => { Array.prototype.map = () => [] }'],
    ['Promise', '() => { Promise.prototype.then = null }'],
    ['JSON', '() => { JSON.parse = () => ({}) }'],
    ['a global name', '() => { globalThis.isAdmin = true }'],
    ['what is inherited by generators', '() => { Object.getPrototypeOf(function* () {}).prototype.next = null }'],
    [
      'the session',
      '(s) => { Object.getPrototypeOf(s).respond = () => {} ; Object.defineProperty(Object.getPrototypeOf(s.request.headers), "get", { value: () => "x" }) }',
    ],
  ])('%s', async (_name, source) => {
    expect(await call(await sandboxed(source))).toMatch(/^error: TypeError: /)
  })

  it('objects of its own it may change', async () => {
    const source = `() => {
      const o = {}; o.toString = () => 'own'; o.constructor = 1
      class Wrong extends TypeError { constructor() { super('m'); this.name = 'Wrong'; this.message = 'n' } }
      return \`\${o} \${new Wrong()} \${Object.keys(o)}\`
    }`
    expect(await call(await sandboxed(source))).toBe('own Wrong: n toString,constructor')
  })
})

it('there is nothing of the gateway in the sandbox', async () => {
  const names = [
    'process',
    'require',
    'fetch',
    'setTimeout',
    'WebAssembly',
    'Buffer',
    'Atomics',
    'SharedArrayBuffer',
    'performance',
    'std',
    'os',
  ]
  const source = `() => ${JSON.stringify(names)}.filter((name) => Function('return typeof ' + name)() !== 'undefined')`
  expect(await call(await sandboxed(source))).toEqual([])
  expect(await call(await sandboxed("() => import('node:fs')"))).toMatch(
    /^error: ReferenceError: could not load module/,
  )
  expect(await call(await sandboxed("(s) => s.constructor.constructor('return this')().process"))).toBeUndefined()
})

describe('a function cannot', () => {
  it.each([
    ['recurse without end', '() => { const f = () => f() + 1; f() }', /^error: InternalError: stack overflow/],
    [
      'nest without end',
      "() => JSON.parse('['.repeat(1e5))",
      /^error: InternalError: stack overflow|^error: SyntaxError/,
    ],
    ['wait for nothing', '() => new Promise(() => {})', /^error: waits for a promise that never settles/],
    [
      'set fields without end',
      "(s) => { for (let i = 0; i < 1e6; i++) s.request.headers.set('h' + i, '1') }",
      /^error: RangeError: .* may set 1048576 bytes|^timeout/,
    ],
    [
      'set what frames a message',
      "(s) => s.request.headers.set('Transfer-Encoding', 'chunked')",
      /^error: TypeError: "Transfer-Encoding" is set by the gateway/,
    ],
    ['split a field', "(s) => s.request.headers.set('a', 'b\\r\\nc: d')", /^error: TypeError/],
    [
      'split the request line',
      "(s) => { s.request.target = '/a HTTP/1.1\\r\\nx: y' }",
      /^error: TypeError: a target is a path/,
    ],
    [
      'keep a session',
      'let kept; export default (s) => { if (kept) return kept.request.method; kept = s }',
      /^error: TypeError: the request is over/,
    ],
  ])('%s', async (_name, source, expected) => {
    const functions = await sandboxed(source, 1_000)
    const first = await call(functions)
    expect(first === undefined ? await call(functions) : first).toMatch(expected)
  })
})

it('a sandbox that broke takes those along that wait in it, and the next request has a new one', async () => {
  const source =
    "async (s) => s.request.arg('id') === '7' ? (await s.request.readBody()).length : Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)"
  const functions = await sandboxed(source)
  const session = new TestSession('/orders?id=7')
  let arrive: (body: Uint8Array) => void = () => undefined
  Object.assign(session, { readBody: () => new Promise<Uint8Array>((resolve) => (arrive = resolve)) })
  const waiting = call(functions, viewOf(session))
  expect(await call(functions, viewOf(new TestSession('/orders')))).toBe(TOO_LONG)
  expect(await waiting).toBe('sandbox: the sandbox was lost to another request')
  const again = new TestSession('/orders?id=7')
  Object.assign(again, { readBody: () => Promise.resolve(Buffer.from('four')) })
  arrive(Buffer.from('too late'))
  expect(await call(functions, viewOf(again))).toBe(4)
})
