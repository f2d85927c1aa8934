import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ask } from '../../testing/curl.ts'
import { eventually } from '../../testing/eventually.ts'
import { freePort } from '../../testing/free-port.ts'
import { Sekisho } from '../../testing/sekisho.ts'
import { UpstreamNode } from '../../testing/upstream-node.ts'

const WORKERS = 4
const KEY = 'a-key-of-this-test-alone'

let cwd: string
let nodes: UpstreamNode[]
let running: Sekisho
let url: string
let metrics: string
let admin: string
/** Clients with a connection each, so that every worker has some. */
let agents: Agent[]

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-health-'))
  nodes = await Promise.all(['a', 'b', 'c'].map((name) => UpstreamNode.start(name)))
  agents = Array.from({ length: 16 }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
})
afterEach(async () => {
  for (const agent of agents) agent.destroy()
  for (const node of nodes) node.thaw()
  await running.stop()
  await Promise.all(nodes.map((node) => node.die()))
  rmSync(cwd, { recursive: true })
})

async function start(upstream: string, listeners = ''): Promise<void> {
  const [metricsPort, adminPort] = [await freePort(), await freePort()]
  mkdirSync(join(cwd, 'plugins'))
  writeFileSync(
    join(cwd, 'plugins', 'crash.ts'),
    `import { definePlugin, Type } from '@sekisho/gateway'
export default definePlugin({
  name: 'crash', priority: 1, schema: Type.Object({}),
  create: () => ({ access: (): Promise<void> => new Promise(() => { setTimeout(() => { throw new Error('a bug in a timer') }, 0) }) }),
})
`,
  )
  const list = nodes.map(({ address }) => `"${address}": 1`).join(', ')
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"${listeners}]
workers: ${WORKERS}
metrics: { address: "127.0.0.1:${metricsPort}" }
admin: { address: "127.0.0.1:${adminPort}", keys: [{ name: ops, key: ${KEY}, role: admin }] }
upstreams:
  - id: app
    nodes: { ${list} }
${upstream}
routes:
  - { uri: /*, upstream_id: app }
  - { uri: /crash, plugins: { crash: {} } }
`,
  )
  running = new Sekisho(['start'], { cwd })
  url = (await running.printed(/^serving \S+ on (http:\/\/\S+:\d+),/m))[1]
  metrics = `http://127.0.0.1:${metricsPort}/metrics`
  admin = `http://127.0.0.1:${adminPort}`
}

function reconnect(): void {
  for (const agent of agents) agent.destroy()
  agents = agents.map(() => new Agent({ keepAlive: true, maxSockets: 1 }))
}

interface Seen {
  readonly status: number
  readonly node: string
}

function once(agent: Agent, method = 'GET'): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/work`, { agent, method }, (response) => {
      response.resume()
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, node: String(response.headers['x-node'] ?? '-') }),
      )
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** So many requests over each of the connections. */
async function requests(rounds: number, method = 'GET'): Promise<Seen[]> {
  const seen = await Promise.all(
    agents.map(async (agent) => {
      const own: Seen[] = []
      for (let round = 0; round < rounds; round++) own.push(await once(agent, method))
      return own
    }),
  )
  return seen.flat()
}
const nodesOf = (seen: readonly Seen[]): string => [...new Set(seen.map(({ node }) => node))].sort().join('')
const statusesOf = (seen: readonly Seen[]): number[] =>
  [...new Set(seen.map(({ status }) => status))].sort((one, other) => one - other)

interface Report {
  readonly name: string
  readonly nodes: readonly {
    readonly port: number
    readonly status: string
    readonly usable: boolean
    readonly ejected: boolean
    readonly evidence?: string
    readonly counter: Record<string, number>
  }[]
}
const health = async (): Promise<Report> =>
  JSON.parse((await ask(`${admin}/v1/healthcheck/upstreams/app`, 'GET', { 'x-api-key': KEY })).body) as Report
const stateOf = async (node: UpstreamNode): Promise<Report['nodes'][number]> =>
  (await health()).nodes.find(({ port }) => port === node.port) as Report['nodes'][number]
const metricsText = async (): Promise<string> => (await ask(metrics)).body

const ACTIVE = `    checks:
      active:
        http_path: /health
        timeout: 1
        healthy: { interval: 0.2, successes: 2 }
        unhealthy: { interval: 0.1, http_failures: 2, tcp_failures: 2, timeouts: 2 }
`

describe('active checks', () => {
  it.each<[string, (node: UpstreamNode) => unknown, (node: UpstreamNode) => unknown, RegExp]>([
    [
      'dies',
      (node) => node.die(),
      (node) => node.revive(),
      /2 × tcp_failure, the last of a check: connect ECONNREFUSED/,
    ],
    ['freezes', (node) => node.freeze(), (node) => node.thaw(), /2 × timeout_failure, .*no answer within 1000 ms/],
    ['answers 500', (node) => node.behave('fail'), (node) => node.behave('well'), /2 × http_failure, .*status 500/],
  ])('take out a node that %s, on every worker, and back in', async (_, spoil, mend, evidence) => {
    await start(ACTIVE)
    expect(nodesOf(await requests(6))).toBe('abc')
    const [, b] = nodes
    await spoil(b)
    const down = await eventually(
      () => stateOf(b),
      ({ usable }) => !usable,
    )
    expect(down.status).toMatch(/unhealthy$/)
    expect(down.evidence).toMatch(evidence)
    // 16 connections over 4 workers: not one of them asks it any more.
    const without = await eventually(
      () => requests(3),
      (seen) => nodesOf(seen) === 'ac',
    )
    expect(statusesOf(without)).toEqual([200])
    expect(await metricsText()).toContain(
      `sekisho_upstream_node_healthy{upstream="upstreams/app",node="${b.address}"} 0`,
    )
    expect(running.stderr).toMatch(new RegExp(`${b.address} of upstreams/app is unhealthy`))
    await mend(b)
    await eventually(
      () => stateOf(b),
      ({ usable, status }) => usable && status === 'healthy',
    )
    await eventually(
      () => requests(3),
      (seen) => nodesOf(seen) === 'abc',
    )
    expect(running.stderr).toMatch(
      new RegExp(`${b.address} of upstreams/app is healthy again after [\\d.]+ s: 2 × success`),
    )
    const text = await metricsText()
    for (const to of ['healthy', 'unhealthy'])
      expect(text).toContain(`health_transitions_total{upstream="upstreams/app",node="${b.address}",to="${to}"} 1`)
    expect(text).toMatch(/health_checks_total\{upstream="upstreams\/app",node="[\d.:]+",result="success"\} \d+/)
  })

  it('are made once for a process, and not once for a worker', async () => {
    await start(ACTIVE.replace('interval: 0.2', 'interval: 60'))
    await eventually(metricsText, (text) => text.includes('node_healthy'))
    // The first probes are spread over the interval: within this test there are a few at most, and none of other workers.
    const checks = [...(await metricsText()).matchAll(/health_checks_total\{.*\} (\d+)/g)].map(([, count]) =>
      Number(count),
    )
    expect(checks.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(3)
  })

  it('are known to a new worker and to the next process at once', async () => {
    // The probes come so rarely that what is known afterwards was inherited.
    await start(`    checks:
      active: { type: tcp, healthy: { interval: 3600 }, unhealthy: { interval: 3600, tcp_failures: 1 } }
      passive: { unhealthy: { http_failures: 3, http_statuses: [500] } }
`)
    const [a] = nodes
    await a.behave('fail')
    await eventually(
      async () => {
        await requests(1)
        return stateOf(a)
      },
      ({ usable }) => !usable,
    )
    // Workers that take the place of dead ones.
    for (let crash = 1; crash <= 3; crash++) {
      await expect(ask(`${url}/crash`)).rejects.toThrow(/socket hang up|ECONNRESET/)
      await eventually(metricsText, (text) => text.includes(`sekisho_worker_restarts_total ${crash}`))
    }
    reconnect()
    expect(nodesOf(await requests(6))).toBe('bc')
    running.child.kill('SIGUSR2')
    await running.printed(/the drained gateway process/)
    expect(await stateOf(a)).toMatchObject({ status: 'unhealthy', evidence: /3 × http_failure of requests/ })
    reconnect()
    expect(nodesOf(await requests(6))).toBe('bc')
  })
})

describe('passive checks', () => {
  it('take a node out after exactly so many failures, whichever workers saw them', async () => {
    await start(`    checks:
      active: { type: tcp, healthy: { interval: 3600 }, unhealthy: { interval: 3600 } }
      passive: { unhealthy: { http_failures: 20, http_statuses: [500] } }
`)
    const [a] = nodes
    await a.behave('fail')
    const before = await a.behave(undefined)
    // One after the other, over all connections in turn: nothing else is under way when the last failure is seen.
    let failures = 0
    for (let round = 0; round < 200 && failures < 20; round++)
      if ((await once(agents[round % agents.length])).status === 500) failures++
    expect(failures).toBe(20)
    await eventually(
      () => stateOf(a),
      ({ usable }) => !usable,
    )
    // Workers are told within milliseconds; a worker that was not told yet could still ask it.
    await eventually(
      () => requests(2),
      (seen) => statusesOf(seen).join() === '200',
    )
    const late = (await a.behave(undefined)) - before - 20
    expect(late).toBeLessThanOrEqual(agents.length)
    expect(await stateOf(a)).toMatchObject({ evidence: /^20 × http_failure of requests, the last: status 500$/ })
  })

  it('are not misled: successes between them set the failures to 0', async () => {
    await start(`    checks:
      active: { type: tcp, healthy: { interval: 3600 }, unhealthy: { interval: 3600 } }
      passive: { unhealthy: { http_failures: 3, http_statuses: [500] } }
`)
    const [a] = nodes
    for (let round = 0; round < 8; round++) {
      await a.behave('fail')
      let failures = 0
      for (let at = 0; failures < 2; at++) if ((await once(agents[at % agents.length])).status === 500) failures++
      await a.behave('well')
      let successes = 0
      for (let at = 0; successes < 1; at++) if ((await once(agents[at % agents.length])).node === 'a') successes++
    }
    expect(await stateOf(a)).toMatchObject({ usable: true, status: 'mostly_healthy' })
  })
})

describe('outlier detection', () => {
  it('ejects a node for a time, and lets it back with a slow start', async () => {
    await start(`    outlier_detection: { consecutive_5xx: 5, base_ejection_time: 0.5, interval: 0.1 }
    slow_start: { window: 3600 }
`)
    const [a] = nodes
    await a.behave('fail')
    await eventually(
      async () => {
        await requests(1)
        return stateOf(a)
      },
      ({ ejected }) => ejected,
    )
    await running.printed(/is ejected for 0\.5 s: consecutive_5xx, 5 in a row, the last: status 500/)
    await a.behave('well')
    await running.printed(/is no longer ejected/)
    await eventually(
      () => stateOf(a),
      ({ usable }) => usable,
    )
    expect(await metricsText()).toMatch(/sekisho_upstream_ejections_total\{.*reason="consecutive_5xx"\} [1-9]/)
    // A tenth of the weight of the others: 1 of 21.
    const seen = await requests(40)
    expect(statusesOf(seen)).toEqual([200])
    const part = seen.filter(({ node }) => node === 'a').length / seen.length
    expect(part).toBeGreaterThan(0.02)
    expect(part).toBeLessThan(0.09)
  })
})

it('stream routes are checked, too: over TCP, by probes and by connections', async () => {
  const port = await freePort()
  const list = nodes.map(({ address }) => `"${address}": 1`).join(', ')
  await start(
    `    checks: { active: {} }
stream_routes:
  - id: raw
    server_port: ${port}
    upstream:
      scheme: tcp
      nodes: { ${list} }
      checks:
        active: { type: tcp, healthy: { interval: 3600, successes: 1 }, unhealthy: { interval: 0.1 } }
        passive: { type: tcp, unhealthy: { tcp_failures: 2 } }
`,
    `, { address: "127.0.0.1:${port}", protocol: tcp }`,
  )
  const raw = async (): Promise<string> => String((await ask(`http://127.0.0.1:${port}/work`)).headers['x-node'])
  const seen = async (times: number): Promise<string> => {
    const names: string[] = []
    for (let at = 0; at < times; at++) names.push(await raw())
    return [...new Set(names)].sort().join('')
  }
  expect(await seen(12)).toBe('abc')
  const [, b] = nodes
  await b.die()
  // A connection that is refused costs the client nothing: another node is asked.
  expect(await seen(12)).toBe('ac')
  await running.printed(new RegExp(`${b.address} of stream_routes/raw is unhealthy: 2 × tcp_failure of requests`))
  await b.revive()
  await running.printed(new RegExp(`${b.address} of stream_routes/raw is healthy again`))
  await eventually(
    () => seen(6),
    (names) => names === 'abc',
  )
})

it('a node that dies under load costs no request that may be repeated', async () => {
  await start(ACTIVE)
  await requests(2)
  const [a, b] = nodes
  const load = requests(60)
  await a.die()
  await b.behave('fail')
  const seen = await load
  const failed = seen.filter(({ status }) => status !== 200)
  // The node that died: none. The one that answers 500 does answer, until it is out.
  expect(failed.every(({ status, node }) => status === 500 && node === 'b')).toBe(true)
  await eventually(
    () => requests(2),
    (later) => nodesOf(later) === 'c' && statusesOf(later).join() === '200',
  )
})

it('shows a page to browsers, and says what there is not', async () => {
  await start(ACTIVE)
  const get = (path: string, accept = '*/*') => ask(`${admin}/v1/${path}`, 'GET', { 'x-api-key': KEY, accept })
  const page = await get('healthcheck', 'text/html,application/xhtml+xml')
  expect(page.headers['content-type']).toMatch('text/html')
  for (const { address } of nodes) expect(page.body).toContain(`<td>${address}</td>`)
  const list = JSON.parse((await get('healthcheck')).body) as Report[]
  expect(list).toMatchObject([{ name: '/apisix/upstreams/app', type: 'http' }])
  expect(list[0].nodes[0]).toMatchObject({
    ip: '127.0.0.1',
    port: nodes[0].port,
    hostname: '127.0.0.1',
    hostheader: '127.0.0.1',
    counter: { http_failure: 0, tcp_failure: 0, timeout_failure: 0 },
  })
  expect(await get('healthcheck/upstreams/none')).toMatchObject({ status: 404, body: /upstreams\[none\] not found/ })
  expect(await get('healthcheck/consumers/x')).toMatchObject({ status: 400 })
})
