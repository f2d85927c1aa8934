import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import { PluginRegistry } from '../packages/gateway/src/plugins/plugin-registry.ts'
import { AdminServer } from '../packages/gateway/src/admin/server/admin-server.ts'
import { ADMIN_KEY, KEYS } from '../packages/gateway/src/admin/testing/admin-tester.ts'
import { FakeControlPlane } from '../packages/gateway/src/admin/testing/fake-control-plane.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CodeBlock, guides, placeOf } from './testing/markdown.ts'

const run = promisify(execFile)

let server: AdminServer
beforeAll(async () => {
  const plugins = new PluginRegistry()
  await plugins.loadAll()
  const silent = (): void => undefined
  server = new AdminServer({
    target: { host: '127.0.0.1', port: 0 },
    control: new FakeControlPlane(plugins),
    keys: KEYS,
    plugins,
    audit: silent,
    logger: { error: silent, warn: silent, info: silent },
  })
  await server.listen()
})
afterAll(() => server.close())

const hasCurl = ((): boolean => {
  try {
    execFileSync('curl', ['--version'])
    return true
  } catch {
    return false
  }
})()

/** Commands, and what the last of them answers where the page shows it. */
const blocks = guides().find(({ path }) => path.endsWith('admin-api.md'))!.blocks
const examples = blocks.flatMap((block, at): [string, CodeBlock, CodeBlock | undefined][] => {
  const next = blocks[at + 1]
  return block.language === 'sh' ? [[placeOf(block), block, next?.language === 'json' ? next : undefined]] : []
})

// One after the other: later ones work on what earlier ones made.
test.skipIf(!hasCurl).each(examples)('%s (curl)', async (_place, { text, marks }, expected) => {
  const fails = marks.includes('fails')
  const commands = text
    .replaceAll('127.0.0.1:9180', `127.0.0.1:${server.address.port}`)
    .replaceAll('curl ', `curl -sS ${fails ? '' : '--fail-with-body '}`)
  const { stdout } = await run('sh', ['-euc', commands], { env: { ...process.env, KEY: ADMIN_KEY } })
  if (expected === undefined) return
  const answer: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
  expect(answer).toMatchObject(JSON.parse(expected.text) as object)
})

test('there are some', () => expect(examples.length).toBeGreaterThan(5))
