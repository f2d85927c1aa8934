import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { readModule } from './read-module.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-module-'))
afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, content: string): string {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  return file
}

// Stands for the installed gateway; counts how often it is loaded, which must be once.
const gateway = pathToFileURL(
  write(
    'installed/gateway.mjs',
    'globalThis.gatewayLoads = (globalThis.gatewayLoads ?? 0) + 1\nexport const defineConfig = (c) => c\n',
  ),
)

async function valueOf(file: string): Promise<unknown> {
  const result = await readModule(file, { gateway })
  if (!('source' in result)) throw new Error(result.findings.map(({ message }) => message).join(', '))
  return result.source.value
}

test('TypeScript with imports, packages and functions', async () => {
  write('node_modules/paths/package.json', '{ "name": "paths", "type": "module", "exports": "./index.js" }')
  write('node_modules/paths/index.js', 'export const prefix = "/api"')
  write('parts/routes.ts', 'export const name: string = import.meta.filename.split(/[\\\\/]/).at(-1)!')
  const file = write(
    'sekisho.config.ts',
    `import { defineConfig } from '@sekisho/gateway'
import { join } from 'node:path'
import { prefix } from 'paths'
import { name } from './parts/routes.ts'
export default defineConfig({
  routes: [{ uri: join(prefix, 'x'), desc: name, filter_func: (vars: { arg_x: string }) => vars.arg_x === '1', id: undefined }],
})
`,
  )
  expect(await valueOf(file)).toEqual({
    routes: [
      {
        uri: '/api/x',
        desc: 'routes.ts',
        filter_func: expect.stringMatching(/^\(vars\) => vars\.arg_x === ["']1["']$/),
      },
    ],
  })
})

test('a saved file is read anew, and the gateway is not loaded again', async () => {
  const content = (uri: string): string =>
    `import { defineConfig } from '@sekisho/gateway'\nexport default defineConfig({ routes: [{ uri: '${uri}' }] })\n`
  const file = write('live.ts', content('/a'))
  expect(await valueOf(file)).toEqual({ routes: [{ uri: '/a' }] })
  write('live.ts', content('/b'))
  expect(await valueOf(file)).toEqual({ routes: [{ uri: '/b' }] })
  expect((globalThis as { gatewayLoads?: number }).gatewayLoads).toBe(1)
})

test('a function may make the configuration', async () => {
  expect(await valueOf(write('made.mjs', 'export default async () => ({ listen: [1] })\n'))).toEqual({ listen: [1] })
})

test.each([
  [
    'a package that is missing',
    'missing.ts',
    "import 'no-such-package'\nexport default {}\n",
    1,
    /Could not resolve "no-such-package"/,
  ],
  ['a syntax error', 'wrong.ts', 'export default {\n', 2, /found end of file/],
  ['no default export', 'none.ts', 'export const a = 1\n', 0, /has no configuration/],
  [
    'an error while it runs',
    'throws.ts',
    "throw new Error('no database')\n",
    0,
    /failed while it was run: no database/,
  ],
  ['data that goes in circles', 'circle.mjs', 'const a = {}\na.a = a\nexport default a\n', 0, /circular/],
])('%s', async (_what, name, content, line, message) => {
  const result = await readModule(write(name, content), { gateway })
  expect('findings' in result && result.findings[0]).toMatchObject({
    message: expect.stringMatching(message),
    place: { line },
  })
})
