import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { FakeOutcome } from './testing/fake-runtime-api.ts'
import { bodyOf, js, node24, start, useNodeFunctions, writeFiles } from './testing/node-functions.ts'

useNodeFunctions()

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
    const layers = writeFiles({ 'nodejs/node_modules/inlayer/index.js': 'module.exports = "layer"' })
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
