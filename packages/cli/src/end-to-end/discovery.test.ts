import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ask } from '../testing/curl.ts'
import { freePort } from '../testing/free-port.ts'
import { Sekisho } from '../testing/sekisho.ts'

let cwd: string
let nodes: Server[]
let running: Sekisho | undefined
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-discovery-'))
  nodes = await Promise.all(
    [0, 1, 2].map(async () => {
      const node: Server = createServer((_request, response) =>
        response.end(String((node.address() as AddressInfo).port)),
      )
      await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve))
      return node
    }),
  )
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  for (const node of nodes) {
    node.closeAllConnections()
    await new Promise((resolve) => node.close(resolve))
  }
  rmSync(cwd, { recursive: true })
})

const ascending = (one: number, other: number): number => one - other

const portOf = (index: number): number => (nodes[index].address() as AddressInfo).port

function write(name: string, text: string): void {
  writeFileSync(join(cwd, `${name}.new`), text)
  renameSync(join(cwd, `${name}.new`), join(cwd, name))
}

const services = (byName: Record<string, number[]>): void =>
  write(
    'services.json',
    JSON.stringify({
      services: Object.fromEntries(
        Object.entries(byName).map(([name, ports]) => [
          name,
          Object.fromEntries(ports.map((port) => [`127.0.0.1:${port}`, 1])),
        ]),
      ),
    }),
  )

/** On connections of their own, so that every worker gets some. */
async function met(url: string): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask(url)))
  return [...new Set(answers.map(({ status, body }) => (status === 200 ? Number(body) : status)))].toSorted(ascending)
}

const meets = (url: string, ...ports: number[]): Promise<void> =>
  vi.waitFor(async () => expect(await met(url)).toEqual(ports.toSorted(ascending)), { timeout: 10_000, interval: 50 })

it('reaches all workers, new upstreams and a restarted gateway, and its state can be seen', async () => {
  const [metrics, admin] = [await freePort(), await freePort()]
  const [a, b, c] = [portOf(0), portOf(1), portOf(2)]
  const config = (more = ''): void =>
    write(
      'sekisho.yaml',
      `listen: ["127.0.0.1:0"]
workers: 2
metrics: { address: "127.0.0.1:${metrics}" }
admin: { address: "127.0.0.1:${admin}", keys: [{ name: test, key: a-key-for-the-test, role: admin }] }
discovery: { empty_after: 1, file: { path: services.json } }
routes:
  - { uri: /shop, upstream: { service_name: shop, discovery_type: file } }
${more}`,
    )
  services({ shop: [a], users: [c] })
  config()
  const start = async (): Promise<string> => {
    running = new Sekisho(['start'], { cwd })
    return (await running.printed(/^serving \S+ on (http:\/\/\S+:\d+),/m))[1]
  }
  const url = await start()
  expect(await met(`${url}/shop`)).toEqual([a])
  services({ shop: [a, b], users: [c] })
  await meets(`${url}/shop`, a, b)
  services({ shop: [b], users: [c] })
  await meets(`${url}/shop`, b)

  config('  - { uri: /users, upstream: { service_name: users, discovery_type: file } }\n')
  await meets(`${url}/users`, c)
  const dump = await fetch(`http://127.0.0.1:${admin}/v1/discovery/file/dump`, {
    headers: { 'x-api-key': 'a-key-for-the-test' },
  })
  expect(await dump.json()).toEqual({
    services: {
      shop: [{ host: '127.0.0.1', port: b, weight: 1, priority: 0 }],
      users: [{ host: '127.0.0.1', port: c, weight: 1, priority: 0 }],
    },
    states: {
      shop: { last_answer: expect.any(String), age_seconds: expect.any(Number) },
      users: { last_answer: expect.any(String), age_seconds: expect.any(Number) },
    },
  })
  const text = (await ask(`http://127.0.0.1:${metrics}/metrics`)).body
  expect(text).toContain('sekisho_discovery_nodes{type="file",service_name="shop"} 1\n')
  config()
  await vi.waitFor(async () => {
    expect((await ask(`http://127.0.0.1:${metrics}/metrics`)).body).not.toContain('service_name="users"')
  })

  rmSync(join(cwd, 'services.json'))
  await running?.printed(/its last 1 node stay in use/)
  expect(await met(`${url}/shop`)).toEqual([b])
  // The process that takes over knows them from the disk.
  const before = running?.stderr.length ?? 0
  running?.child.kill('SIGUSR2')
  await vi.waitFor(() => expect(running?.stderr.slice(before)).toMatch(/its last 1 node stay in use/), {
    timeout: 10_000,
  })
  expect(await met(`${url}/shop`)).toEqual([b])
  await running?.stop()
  const again = await start()
  expect(await met(`${again}/shop`)).toEqual([b])
  services({})
  await meets(`${again}/shop`, 503)
  services({ shop: [a, c] })
  await meets(`${again}/shop`, a, c)
}, 60_000)

it('refuses what nobody could look up, with what would be right', async () => {
  write(
    'sekisho.yaml',
    `routes:
  - { uri: /a, upstream: { service_name: shop, discovery_type: consul } }
  - { uri: /b, upstream: { service_name: shop, discovery_type: eurka } }
  - { uri: /c, upstream: { service_name: shop, discovery_type: dns, discovery_args: { group_name: x } } }
`,
  )
  running = new Sekisho(['check'], { cwd })
  expect(await running.exited).toBe(1)
  await running.everyProcessEnded
  const said = running.stdout + running.stderr
  expect(said).toContain('is not set up on this node')
  expect(said).toContain('add "discovery: { consul: … }" to the settings')
  expect(said).toContain('did you mean "eureka"?')
  expect(said).toContain('has no meaning for "dns"')
})
