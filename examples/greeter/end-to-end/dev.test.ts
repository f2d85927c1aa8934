import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Sekisho } from '../../../packages/cli/src/testing/sekisho.ts'
import { greeterClient, sayHello } from '../src/testing/greeter-client.ts'
import { listServices } from '../src/testing/reflection-client.ts'

let cwd: string
let running: Sekisho | undefined
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-'))
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  rmSync(cwd, { recursive: true })
})

async function startDev(...args: string[]): Promise<Sekisho> {
  running = new Sekisho(['dev', ...args], { cwd })
  await running.printed(/Ctrl-C stops everything/)
  return running
}

it('"sekisho dev" keeps its promises of gRPC, and ends with the Greeter on Ctrl-C', async () => {
  const dev = await startDev()
  const [, listed] = await dev.printed(/ {2}grpcurl -plaintext 127\.0\.0\.1:(\d+) list\n/)
  expect(await listServices('v1', Number(listed))).toContain('helloworld.Greeter')
  const [, body, called] = await dev.printed(
    /grpcurl -plaintext -d '(.*)' 127\.0\.0\.1:(\d+) helloworld\.Greeter\/SayHello\n/,
  )
  const client = greeterClient(Number(called))
  expect(await sayHello(client, JSON.parse(body) as { name: string })).toEqual({ message: 'Hello Ada' })
  client.close()
  const [, page] = await dev.printed(/in a browser +(http:\S+)\n/)
  expect((await fetch(page)).status).toBe(200)
  expect(new URL(page).searchParams.get('gateway')).toBe(`http://127.0.0.1:${called}`)

  dev.child.kill('SIGINT')
  expect(await dev.exited).toBe(0)
  await dev.everyProcessEnded
  await expect(fetch(page)).rejects.toThrow('fetch failed')
}, 40_000)

it('a configuration of the user finds the Greeter in the environment', async () => {
  writeFileSync(
    join(cwd, 'own.yaml'),
    `listen: ["127.0.0.1:0"]
workers: 1
metrics: false
routes:
  - { uri: /*, upstream: { scheme: grpc, nodes: { "127.0.0.1:\${{SEKISHO_DEV_GREETER}}": 1 } } }
`,
  )
  const dev = await startDev('--config', 'own.yaml')
  const [, port] = await dev.printed(/serves own\.yaml on http:\/\/127\.0\.0\.1:(\d+)\n/)
  await dev.printed(/gRPC service {4}127\.0\.0\.1:\d+, /)
  expect(await listServices('v1', Number(port))).toContain('helloworld.Greeter')
})
