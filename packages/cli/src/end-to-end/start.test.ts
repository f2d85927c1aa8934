import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ask } from '../testing/curl.ts'
import { eventually } from '../testing/eventually.ts'
import { Sekisho } from '../testing/sekisho.ts'

let cwd: string
let upstream: Server
let running: Sekisho | undefined
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-'))
  upstream = createServer((request, response) => response.end(`upstream got ${request.url}`))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  upstream.closeAllConnections()
  await new Promise((resolve) => upstream.close(resolve))
  rmSync(cwd, { recursive: true })
})

const yaml = (routes: string): string => `listen: ["127.0.0.1:0"]
workers: 2
metrics: { address: "127.0.0.1:0" }
shutdown: { grace_period: 5 }
upstreams:
  - { id: up, nodes: { "127.0.0.1:${(upstream.address() as AddressInfo).port}": 1 } }
routes:
${routes}`

const file = (): string => join(cwd, 'sekisho.yaml')

/** Starts, and gives the gateway's URL once it has said that it serves. */
async function start(args: readonly string[] = []): Promise<{ sekisho: Sekisho; url: string }> {
  running = new Sekisho(['start', ...args], { cwd })
  const [, url] = await running.printed(/^serving \S+ on (http:\/\/127\.0\.0\.1:\d+)/m)
  return { sekisho: running, url }
}

const MOCK = (text: string): string =>
  `  - { uri: /mock, plugins: { mocking: { response_example: "${text}", content_type: text/plain } } }\n`

it('serves the file of the working directory, says so in one line, and stops on SIGTERM with status 0', async () => {
  writeFileSync(file(), yaml('  - { uri: /a/*, upstream_id: up }\n'))
  const { sekisho, url } = await start()
  expect(sekisho.stderr).toMatch(
    /^serving sekisho\.yaml on http:\/\/127\.0\.0\.1:\d+, metrics on http:\/\/127\.0\.0\.1:[1-9]\d*\/metrics, 2 workers \(process \d+\)\n$/,
  )
  expect(await ask(`${url}/a/b?c`)).toMatchObject({ status: 200, body: 'upstream got /a/b?c' })
  expect((await ask(`${url}/b`)).status).toBe(404)
  sekisho.child.kill('SIGTERM')
  expect(await sekisho.exited).toBe(0)
  await sekisho.everyProcessEnded
  await expect(ask(`${url}/a/b`)).rejects.toThrow('ECONNREFUSED')
  expect(sekisho.stdout).toBe('')
  expect(readdirSync(cwd)).toEqual(['sekisho.yaml'])
})

it('takes a saved change at once, refuses a bad one by line and column, and goes on with the last good one', async () => {
  writeFileSync(file(), yaml(MOCK('one')))
  const { sekisho, url } = await start(['-c', 'sekisho.yaml'])
  const body = async (): Promise<string> => (await ask(`${url}/mock`)).body
  expect(await body()).toBe('one')

  writeFileSync(file(), yaml(MOCK('two')))
  await eventually(body, (seen) => seen === 'two')

  writeFileSync(file(), yaml('  - { uri: mock, plugins: { mocking: { response_example: three } } }\n'))
  await sekisho.printed(/sekisho\.yaml:8:12 {2}\/routes\/0\/uri {2}/)
  expect(await body()).toBe('two')

  writeFileSync(file(), yaml(MOCK('four')))
  await eventually(body, (seen) => seen === 'four')
})

it('takes a changed plugin of the user at once', async () => {
  const plugin = (text: string): void =>
    writeFileSync(
      join(cwd, 'own.ts'),
      `import { definePlugin, Type } from '@sekisho/gateway'
const text: string = '${text}'
export default definePlugin({
  name: 'own', priority: 1, schema: Type.Object({}),
  create: () => ({ access: (session) => session.respond(200, text) }),
})`,
    )
  plugin('before')
  writeFileSync(file(), `plugin_paths: ["."]\n${yaml('  - { uri: /own, plugins: { own: {} } }\n')}`)
  const { url } = await start()
  const body = async (): Promise<string> => (await ask(`${url}/own`)).body
  expect(await body()).toBe('before')
  plugin('after')
  await eventually(body, (seen) => seen === 'after')
})

it('says what is wrong with the file, and ends with status 1', async () => {
  writeFileSync(file(), yaml('  - { uri: mock, plugins: {} }\n'))
  running = new Sekisho(['start'], { cwd })
  expect(await running.exited).toBe(1)
  expect(running.stderr).toMatch(
    /^sekisho\.yaml:8:12 {2}\/routes\/0\/uri {2}"mock": must start with "\/"; write "\/mock"\n/,
  )
  expect(running.stdout).toBe('')
})

describe('when the address is in use', () => {
  it.each([[['start']], [['start', '--config=sekisho.yaml']]])(
    '%j says so in one line, and ends with status 1',
    async (args) => {
      const { port } = upstream.address() as AddressInfo
      writeFileSync(file(), yaml(MOCK('x')).replace('listen: ["127.0.0.1:0"]', `listen: ["127.0.0.1:${port}"]`))
      running = new Sekisho(args, { cwd })
      expect(await running.exited).toBe(1)
      expect(running.stderr).toMatch(/^sekisho: cannot listen on 127\.0\.0\.1:\d+: the port is in use; .*\n$/)
    },
  )
})

it('reads sekisho.config.ts', async () => {
  writeFileSync(
    join(cwd, 'sekisho.config.ts'),
    `import { defineConfig } from '@sekisho/gateway'
export default defineConfig({
  listen: ['127.0.0.1:0'], workers: 1, metrics: false,
  routes: [{ uri: '/mock', plugins: { mocking: { response_example: 'typed' } } }],
})`,
  )
  const { sekisho, url } = await start()
  expect((await ask(`${url}/mock`)).body).toBe('typed')
  sekisho.child.kill('SIGINT')
  expect(await sekisho.exited).toBe(0)
})
