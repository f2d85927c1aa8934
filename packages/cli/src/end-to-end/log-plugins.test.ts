import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTcp, type AddressInfo, type Server as TcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Sekisho } from '../testing/sekisho.ts'

let cwd: string
let running: Sekisho | undefined
const servers: (Server | TcpServer)[] = []
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-logs-'))
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  }
  rmSync(cwd, { recursive: true })
})

const eventually = (expectations: () => void): Promise<void> =>
  vi.waitFor(expectations, { timeout: 15_000, interval: 50 })

async function listening<S extends Server | TcpServer>(server: S): Promise<[server: S, port: number]> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return [server, (server.address() as AddressInfo).port]
}

/** Starts a gateway of two workers with an upstream that says hello; gives its URL. */
async function start(configuration: string): Promise<string> {
  const [, port] = await listening(createServer((_request, response) => response.end('hello')))
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
workers: 2
metrics: false
upstreams: [{ id: up, nodes: { "127.0.0.1:${port}": 1 } }]
${configuration}`,
  )
  running = new Sekisho(['start'], { cwd })
  const [, url] = await running.printed(/^serving \S+ on (http:\/\/\S+:\d+),/m)
  return url
}

/** So many requests, on connections of their own, so that both workers get some. */
async function ask(url: string, count: number): Promise<void> {
  for (let request = 0; request < count; request++) {
    const answer = await fetch(`${url}/${request}`, { headers: { Connection: 'close' } })
    expect([answer.status, await answer.text()]).toEqual([200, 'hello'])
  }
}

it('lines of several workers are whole in one file, also when it is rotated', async () => {
  const path = join(cwd, 'requests.log')
  const url = await start(`routes: [{ id: r, uri: /*, upstream_id: up, plugins: { file-logger: { path: ${path} } } }]`)
  await ask(url, 100)
  await eventually(() => expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(101))
  renameSync(path, `${path}.1`)
  running?.child.kill('SIGUSR1')
  await eventually(() => expect(readFileSync(path, 'utf8')).toBe(''))
  await ask(url, 50)
  await eventually(() => expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(51))
  const lines = [`${path}.1`, path].flatMap((file) => readFileSync(file, 'utf8').trimEnd().split('\n'))
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ route_id: 'r', response: { status: 200 } })
})

it('a gateway that stops sends what waits', async () => {
  const bodies: string[] = []
  const [, port] = await listening(
    createServer((request, response) => {
      void text(request).then((body) => {
        bodies.push(body)
        response.end()
      })
    }),
  )
  const plugins = `{ http-logger: { uri: "http://127.0.0.1:${port}", log_format: { u: $uri } } }`
  const url = await start(`routes: [{ id: r, uri: /*, upstream_id: up, plugins: ${plugins} }]`)
  await ask(url, 20)
  expect(bodies).toEqual([])
  await running?.stop()
  const paths = bodies.flatMap((body) => (JSON.parse(body) as { u: string }[]).map(({ u }) => u))
  expect(paths.sort()).toEqual(Array.from({ length: 20 }, (_, at) => `/${at}`).sort())
})

it('the error log of all threads goes to where error-log-logger says', async () => {
  let received = ''
  const [, port] = await listening(
    createTcp((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
    }),
  )
  const metadata = `plugin_metadata:
  - { id: error-log-logger, level: INFO, tcp: { host: 127.0.0.1, port: ${port} }, inactive_timeout: 1, batch_max_size: 1 }
`
  const routes = `routes:
  - { id: r, uri: /*, upstream_id: up }
  - { id: down, uri: /down, upstream: "http://127.0.0.1:1" }
`
  const url = await start(`${metadata}${routes}`)
  expect((await fetch(`${url}/down`)).status).toBe(502)
  await eventually(() => expect(received).toMatch(/"worker":\d[^\n]*127\.0\.0\.1:1/))
  const file = join(cwd, 'sekisho.yaml')
  writeFileSync(file, `${readFileSync(file, 'utf8')}  - { id: more, uri: /more, upstream_id: up }\n`)
  await eventually(() => expect(received).toMatch(/"thread":"control"[^\n]*the configuration changed/))
  for (const line of received.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg')
})
