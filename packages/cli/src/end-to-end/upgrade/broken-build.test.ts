import { createServer, type Server } from 'node:http'
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { ask } from '../../testing/curl.ts'
import { Sekisho } from '../../testing/sekisho.ts'
import { Installation } from './testing/installation.ts'

// An upgrade to a build that does not work leaves the one that does.

let installation: Installation
let upstream: Server
let running: Sekisho | undefined
let url = ''

beforeAll(async () => {
  installation = new Installation()
  upstream = createServer((_request, response) => response.end('hello'))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
})
beforeEach(async () => {
  writeFileSync(
    join(installation.folder, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
workers: 1
metrics: false
shutdown: { grace_period: 1 }
upgrade: { ready_timeout: 4 }
routes: [{ uri: /*, upstream: "http://127.0.0.1:${(upstream.address() as AddressInfo).port}" }]
`,
  )
  running = new Sekisho(['start'], { cwd: installation.folder, command: installation.command })
  url = (await running.printed(/^serving \S+ on (http:\/\/\S+:\d+)/m))[1]
})
afterEach(async () => {
  await running?.stop()
})
afterAll(async () => {
  upstream.closeAllConnections()
  await new Promise((resolve) => upstream.close(resolve))
  installation.remove()
})

it.each([
  [
    'crashes at its start',
    `throw new Error('a bad build')`,
    /exited with code 1 before it was ready: gateway process \d+ goes on/,
  ],
  ['does not parse', `export {`, /exited with code 1 before it was ready: gateway process \d+ goes on/],
  ['ends by itself', `process.exit(0)`, /exited with code 0 before it was ready: gateway process \d+ goes on/],
  [
    'never gets ready',
    `setInterval(() => {}, 1000)`,
    /was not ready within 4000 ms[^]*before it was ready: gateway process \d+ goes on/,
  ],
  ['loops for ever', `for (;;);`, /was not ready within 4000 ms[^]*before it was ready: gateway process \d+ goes on/],
])('serves on when the new build %s, and upgrades to one that was mended', async (_, code, said) => {
  const sekisho = running as Sekisho
  installation.breakGateway(code)
  try {
    sekisho.child.kill('SIGUSR2')
    await sekisho.printed(said)
  } finally {
    installation.mendGateway()
  }
  for (let at = 0; at < 5; at++) expect((await ask(`${url}/`)).body).toBe('hello')
  sekisho.child.kill('SIGUSR2')
  await sekisho.printed(/^serving .*, generation 3\)$/m)
  expect((await ask(`${url}/`)).body).toBe('hello')
  sekisho.child.kill('SIGTERM')
  expect(await sekisho.exited).toBe(0)
})
