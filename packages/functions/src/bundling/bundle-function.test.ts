import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Interpreters } from '../runtimes/interpreters.ts'
import { deployedFunction } from '../runtimes/testing/deployed-function.ts'
import type { FakeOutcome } from '../runtimes/testing/fake-runtime-api.ts'
import { RunningRuntime } from '../runtimes/testing/run-runtime.ts'
import { bundleFunction, createBundler, findEntry, formatProblem, type BundleOptions } from './bundle-function.ts'

const runtime = `nodejs${process.versions.node.split('.', 1)[0]}.x`
let folder: string
let count = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-bundle-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function project(files: Record<string, string>): { readonly source: string; readonly out: string } {
  const root = join(folder, String(count++))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, 'in', name)), { recursive: true })
    writeFileSync(join(root, 'in', name), text)
  }
  return { source: join(root, 'in'), out: join(root, 'out') }
}

async function bundled(files: Record<string, string>, options: Partial<BundleOptions> = {}) {
  const { source, out } = project(files)
  const outcome = await bundleFunction(findEntry(source)!, out, { runtime, ...options })
  if ('problems' in outcome) throw new Error(outcome.problems.map(formatProblem).join('\n'))
  return { ...outcome.bundle, source, out }
}

async function answerOf(task: string, environment: Record<string, string> = {}): Promise<unknown> {
  const fn = deployedFunction(task, { runtime, environment })
  const running = await RunningRuntime.start(fn, { interpreters: await Interpreters.find({}) })
  try {
    return JSON.parse(((await running.invoke({ n: 2 })) as FakeOutcome).body.toString()) as unknown
  } finally {
    await running.stop()
  }
}

const handler =
  'import { twice } from "./twice.ts"; export const handler = async (event: { n: number }): Promise<number> => twice(event.n)'
const twice = 'export const twice = (n: number): number => n * 2'

it.each([
  ['CommonJS', {}, 'index.cjs'],
  ['a module', { 'package.json': '{"type":"module"}' }, 'index.mjs'],
])('TypeScript becomes %s, by the type of its package, and runs', async (_what, more, file) => {
  const bundle = await bundled({ 'package.json': '{}', 'src/index.ts': handler, 'src/twice.ts': twice, ...more })
  expect(bundle.file).toBe(file)
  expect(bundle.bytes).toBeGreaterThan(50)
  expect(bundle.inputs.toSorted()).toEqual([join(bundle.source, 'src/index.ts'), join(bundle.source, 'src/twice.ts')])
  expect(await answerOf(bundle.out)).toBe(4)
})

it('a CommonJS package works in a module, and await at its top', async () => {
  const bundle = await bundled({
    'package.json': '{"type":"module"}',
    'node_modules/old/package.json': '{}',
    'node_modules/old/index.js': 'const os = require("os"); module.exports = (n) => n + (os.EOL.length - 1)',
    'index.ts':
      'import old from "old"; const one = await Promise.resolve(1); export const handler = async () => old(one)',
  })
  expect(await answerOf(bundle.out)).toBe(1)
})

it('a source map names the line of the source', async () => {
  const bundle = await bundled({
    'package.json': '{}',
    'index.ts': '\ntype A = number\nexport const handler = async () => new Error("x").stack',
  })
  expect(await answerOf(bundle.out, { NODE_OPTIONS: '--enable-source-maps' })).toContain('index.ts:3:')
})

it('leaves out what a layer has', async () => {
  const bundle = await bundled(
    { 'package.json': '{}', 'index.ts': 'import { x } from "@aws-sdk/y"; export const handler = () => x' },
    { external: ['@aws-sdk/*'], sourcemap: false },
  )
  expect(readFileSync(join(bundle.out, bundle.file), 'utf8')).toContain('require("@aws-sdk/y")')
})

it('an error says file, line and column', async () => {
  const { source, out } = project({ 'index.ts': 'import { a } from "nowhere"\nconst = 1\n' })
  const outcome = await bundleFunction(join(source, 'index.ts'), out, { runtime })
  if (!('problems' in outcome)) throw new Error('it was bundled')
  expect(outcome.problems).toEqual([
    {
      file: expect.stringMatching(/index\.ts$/),
      line: 2,
      column: 7,
      text: 'Expected identifier but found "="',
      source: 'const = 1',
    },
  ])
  expect(formatProblem(outcome.problems[0]!)).toMatch(
    /index\.ts:2:7: Expected identifier but found "="\n {4}const = 1\n {10}\^$/,
  )
})

it('builds again after a change, and after a mistake', async () => {
  const { source, out } = project({ 'package.json': '{}', 'index.ts': 'export const handler = () => 1' })
  const bundler = await createBundler(join(source, 'index.ts'), out, { runtime })
  try {
    expect(await bundler.build()).toHaveProperty('bundle')
    writeFileSync(join(source, 'index.ts'), 'export const handler = (')
    expect(await bundler.build()).toHaveProperty('problems')
    writeFileSync(join(source, 'index.ts'), 'export const handler = () => 2')
    expect(await bundler.build()).toHaveProperty('bundle')
    expect(await answerOf(out)).toBe(2)
  } finally {
    await bundler.close()
  }
})

it('finds no entry in a folder without one', () => {
  expect(findEntry(project({ 'main.go': '' }).source)).toBeUndefined()
})
