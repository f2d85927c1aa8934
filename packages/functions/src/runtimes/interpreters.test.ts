import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Interpreters, type InterpreterSettings } from './interpreters.ts'

let root: string
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'sekisho-interpreters-')))
  fake('bin/node', 'v22.1.0')
  fake(`project/node_modules/node-${process.platform}-${process.arch}/bin/node`, 'v24.5.0')
  fake('other/node', 'v18.0.0')
  fake('real/python3.12', '')
  writeFileSync(join(root, 'real/python3.12'), 'a program')
  symlinkSync('../real/python3.12', join(root, 'bin/python3.12'))
  fake('bin/python3.13', 'a wrapper')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A script that says it is a Node.js of this version. */
function fake(name: string, version: string): void {
  const path = join(root, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\necho ${version}\n`)
  chmodSync(path, 0o755)
}

const find = (settings: InterpreterSettings = {}): Promise<Interpreters> =>
  Interpreters.find(settings, {
    own: { path: '/own/node', major: '20' },
    path: `${root}/nothing:${root}/bin`,
    folder: join(root, 'project/src'),
  })

it('finds its own Node.js, those of PATH and of npm, and Pythons by their names', async () => {
  const found = await find()
  expect(found.of('nodejs20.x')).toBe('/own/node')
  expect(found.of('nodejs22.x')).toBe(join(root, 'bin/node'))
  expect(found.of('nodejs24.x')).toBe(
    join(root, `project/node_modules/node-${process.platform}-${process.arch}/bin/node`),
  )
  expect(found.of('python3.12')).toBe(join(root, 'real/python3.12'))
  expect(found.of('python3.13')).toMatchObject({ errorType: 'Runtime.InvalidRuntime' })
})

it('takes a configured path of the right version', async () => {
  fake('other/node22', 'v22.9.0')
  const path = join(root, 'other/node22')
  expect((await find({ 'nodejs22.x': path })).of('nodejs22.x')).toBe(path)
})

it.each([
  [
    'another version',
    'other/node',
    'which is Node.js 18; to run it on that version all the same, say interpreters: { "nodejs24.x": "nodejs18.x" }',
  ],
  ['no file', 'other/nothing', 'which is no executable file'],
])('refuses %s by path', async (_what, name, message) => {
  const found = await find({ 'nodejs24.x': join(root, name) })
  expect(found.of('nodejs24.x')).toMatchObject({ message: expect.stringContaining(message) })
})

it('runs a runtime on another one only when that is said', async () => {
  expect((await find({ 'nodejs24.x': 'nodejs22.x' })).of('nodejs24.x')).toBe(join(root, 'bin/node'))
  expect((await find({ 'nodejs24.x': 'nodejs20.x' })).of('nodejs24.x')).toBe('/own/node')
  expect((await find({ 'nodejs24.x': 'python3.9' })).of('nodejs24.x')).toMatchObject({
    message: expect.stringContaining(
      'interpreters["nodejs24.x"] is python3.9, which this host does not have; there is nodejs20 (/own/node)',
    ),
  })
})
