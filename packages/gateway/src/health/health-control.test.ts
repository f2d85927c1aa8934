import { createServer, type AddressInfo, type Server } from 'node:net'
import { HealthBoard } from '@sekisho/proxy/health'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { serviceKey } from '../discovery/service-key.ts'
import { ControlMetrics } from '../observability/metrics/index.ts'
import { emptyResourceSet, type MutableResourceSet } from '../resources/resource-set.ts'
import type { Upstream } from '../resources/upstream.ts'
import { applyOperations } from '../store/apply.ts'
import type { Operation } from '../store/store.ts'
import { HealthControl } from './health-control.ts'
import type { HealthMessage, HealthReport } from './health-messages.ts'
import { LazyHealth } from './lazy-health.ts'

/** Probes that never come within a test: what is looked at here is what reports do. */
const RARELY = { active: { type: 'tcp', healthy: { interval: 3600 }, unhealthy: { interval: 3600 } } } as const
const NODES = { '127.0.0.1:1': 1, '127.0.0.1:2': 1 }

let resources: MutableResourceSet
let sent: HealthMessage[]
let lines: string[]
let metrics: ControlMetrics
let controls: { stop(): void }[]
const log = (_: object, message: string): void => void lines.push(message)

beforeEach(() => {
  resources = emptyResourceSet() as MutableResourceSet
  sent = []
  lines = []
  controls = []
  metrics = new ControlMetrics({ version: 'test' })
})
afterEach(() => {
  for (const control of controls) control.stop()
  metrics.stop()
  vi.useRealTimers()
})

const options = () => ({
  metrics: metrics.own,
  logger: { error: log, warn: log, info: log },
  send: (message: HealthMessage): void => void sent.push(message),
  resources: () => resources,
})

function begin(): HealthControl {
  const control = new HealthControl(options())
  controls.push(control)
  control.load()
  return control
}

/** Puts upstreams into force; undefined removes one. */
function put(control: HealthControl | undefined, kind: Operation['kind'], values: Record<string, unknown>): void {
  const operations = Object.entries(values).map(([id, value]) => ({ kind, id, value })) as Operation[]
  applyOperations(resources, operations)
  control?.apply(operations)
}
const down = (node: string, place = 'upstreams/a'): HealthReport => ({
  type: 'health',
  place,
  node,
  event: { change: 'down', kind: 'tcp_failure' },
  evidence: 'CONNECT_REFUSED',
})
/** What a worker does: counts on the board, and reports. */
function fail(control: HealthControl, node: string, place = 'upstreams/a'): void {
  const data = control.boards().get(place)
  new HealthBoard(data!).node(node)?.failure('tcp_failure', 1)
  control.receive(down(node, place))
}
const states = (control: HealthControl, place = 'upstreams/a'): Record<string, string> =>
  Object.fromEntries(
    control.report(place)?.nodes.map(({ node, status }) => [`${node.host}:${node.port}`, status]) ?? [],
  )

describe('which upstreams are watched', () => {
  it('those that ask for it, wherever they are written', () => {
    put(undefined, 'upstreams', {
      a: { id: 'a', nodes: NODES, checks: RARELY },
      b: { id: 'b', nodes: NODES, outlier_detection: {} },
      c: { id: 'c', nodes: NODES, slow_start: { window: 1 } },
      d: { id: 'd', nodes: NODES },
    })
    put(undefined, 'routes', {
      r: { id: 'r', uri: '/', upstream: { nodes: NODES, checks: RARELY } },
      s: { id: 's', uri: '/s', upstream: 'http://127.0.0.1:3' },
      t: { id: 't', uri: '/t', upstream_id: 'a' },
    })
    put(undefined, 'services', { v: { id: 'v', upstream: { nodes: NODES, checks: RARELY } } })
    put(undefined, 'stream_routes', { w: { id: 'w', upstream: { scheme: 'tcp', nodes: NODES, checks: RARELY } } })
    const control = begin()
    const places = ['upstreams/a', 'upstreams/b', 'upstreams/c', 'services/v', 'routes/r', 'stream_routes/w']
    expect([...control.boards().keys()]).toEqual(places)
    put(control, 'upstreams', {
      a: { id: 'a', nodes: NODES },
      b: undefined,
      d: { id: 'd', nodes: NODES, checks: RARELY },
    })
    expect([...control.boards().keys()].sort()).toEqual([
      'routes/r',
      'services/v',
      'stream_routes/w',
      'upstreams/c',
      'upstreams/d',
    ])
    expect(sent.slice(-3)).toMatchObject([
      { type: 'health-board', place: 'upstreams/a', board: undefined },
      { type: 'health-board', place: 'upstreams/b', board: undefined },
      {
        type: 'health-board',
        place: 'upstreams/d',
        board: {
          slots: new Map([
            ['127.0.0.1:1', 0],
            ['127.0.0.1:2', 1],
          ]),
        },
      },
    ])
  })

  it('as they change, nodes that stay keep their state', () => {
    put(undefined, 'upstreams', { a: { id: 'a', nodes: NODES, checks: RARELY } })
    const control = begin()
    fail(control, '127.0.0.1:1')
    expect(sent.at(-1)).toEqual({ type: 'health-changed', place: 'upstreams/a' })
    put(control, 'upstreams', {
      a: { id: 'a', type: 'random', nodes: { '127.0.0.1:1': 5, '127.0.0.1:3': 1, '127.0.0.1:4': 0 }, checks: RARELY },
    })
    expect(states(control)).toEqual({ '127.0.0.1:1': 'unhealthy', '127.0.0.1:3': 'healthy' })
    // Nothing would bring it back.
    put(control, 'upstreams', { a: { id: 'a', nodes: NODES, outlier_detection: {} } })
    expect(states(control)).toEqual({ '127.0.0.1:1': 'healthy', '127.0.0.1:2': 'healthy' })
  })

  it('with the nodes that service discovery finds', () => {
    const upstream = { id: 'a', discovery_type: 'dns', service_name: 'app', checks: RARELY } as Upstream
    put(undefined, 'upstreams', { a: upstream })
    const control = begin()
    expect(states(control)).toEqual({})
    const key = serviceKey({ type: 'dns', name: 'app', args: {} })
    const node = (port: number) => ({ host: '127.0.0.1', port, weight: 1, priority: 0 })
    control.setDiscovered(key, [node(1), node(2)])
    fail(control, '127.0.0.1:2')
    control.setDiscovered(key, [node(2), node(3)])
    expect(states(control)).toEqual({ '127.0.0.1:2': 'unhealthy', '127.0.0.1:3': 'healthy' })
    control.setDiscovered('dns other', [])
    control.setDiscovered(key, undefined)
    expect(states(control)).toEqual({})
  })
})

describe('what is told', () => {
  it('of each change: why, and after how long; reports of what is gone change nothing', () => {
    vi.useFakeTimers({ now: 1_000_000, toFake: ['Date', 'performance', 'setTimeout', 'setInterval'] })
    put(undefined, 'upstreams', { a: { id: 'a', nodes: NODES, checks: RARELY } })
    const control = begin()
    fail(control, '127.0.0.1:1')
    vi.setSystemTime(1_012_500)
    control.receive({
      type: 'health',
      place: 'upstreams/a',
      node: '127.0.0.1:1',
      event: { change: 'up' },
      evidence: '5 successes',
    })
    control.receive(down('127.0.0.1:9'))
    control.receive(down('127.0.0.1:1', 'upstreams/none'))
    expect(lines).toEqual([
      '127.0.0.1:1 of upstreams/a is unhealthy: 1 × tcp_failure of requests, the last: CONNECT_REFUSED',
      '127.0.0.1:1 of upstreams/a is healthy again after 12.5 s: 5 successes',
    ])
    const text = metrics.render()
    expect(text).toContain(
      'sekisho_upstream_health_transitions_total{upstream="upstreams/a",node="127.0.0.1:1",to="unhealthy"} 1',
    )
    put(control, 'upstreams', { a: undefined })
    expect(metrics.render()).not.toContain('upstreams/a')
  })

  it('of so few healthy nodes that all are used', () => {
    const nodes = { ...NODES, '127.0.0.1:3': 1 }
    put(undefined, 'upstreams', { a: { id: 'a', nodes, checks: RARELY, healthy_panic_threshold: 50 } })
    const control = begin()
    fail(control, '127.0.0.1:1')
    expect(lines).toHaveLength(1)
    fail(control, '127.0.0.1:2')
    expect(lines.at(-1)).toBe('1 of 3 nodes of upstreams/a are healthy: all are used')
    fail(control, '127.0.0.1:3')
    new HealthBoard(control.boards().get('upstreams/a')!).node('127.0.0.1:2')?.success(1)
    control.receive({ ...down('127.0.0.1:2'), event: { change: 'up' } })
    new HealthBoard(control.boards().get('upstreams/a')!).node('127.0.0.1:3')?.success(1)
    control.receive({ ...down('127.0.0.1:3'), event: { change: 'up' } })
    expect(lines.at(-1)).toBe('2 of 3 nodes of upstreams/a are healthy again: only these are used')
  })

  it('of an ejection, and its end', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] })
    put(undefined, 'upstreams', {
      a: {
        id: 'a',
        nodes: NODES,
        outlier_detection: { interval: 1, base_ejection_time: 30 },
        slow_start: { window: 60 },
      },
    })
    const control = begin()
    control.receive({
      type: 'health',
      place: 'upstreams/a',
      node: '127.0.0.1:2',
      event: { change: 'outlier', reason: 'consecutive_5xx' },
      evidence: 'status 503',
    })
    expect(control.report('upstreams/a')?.nodes.map(({ usable, ejected }) => [usable, ejected])).toEqual([
      [true, false],
      [false, true],
    ])
    const changes = sent.length
    vi.advanceTimersByTime(29_900)
    expect(sent).toHaveLength(changes)
    vi.advanceTimersByTime(1_100)
    expect(sent.at(-1)).toEqual({ type: 'health-changed', place: 'upstreams/a' })
    expect(control.report('upstreams/a')?.nodes[1]).toMatchObject({
      usable: true,
      evidence: 'the time of its ejection is over',
    })
    expect(new HealthBoard(control.boards().get('upstreams/a')!).startedAt('127.0.0.1:2')).toBeGreaterThan(0)
    expect(lines).toEqual([
      '127.0.0.1:2 of upstreams/a is ejected for 30 s: consecutive_5xx, 5 in a row, the last: status 503',
      '127.0.0.1:2 of upstreams/a is no longer ejected',
    ])
  })
})

it('is kept for the next process: what is not simply healthy', () => {
  const upstream = { id: 'a', nodes: NODES, checks: RARELY, outlier_detection: { consecutive_5xx: 1 } }
  put(undefined, 'upstreams', { a: upstream, b: { ...upstream, id: 'b' } })
  const before = begin()
  fail(before, '127.0.0.1:1')
  before.receive({ ...down('127.0.0.1:2'), event: { change: 'outlier', reason: 'consecutive_5xx' } })
  const kept = JSON.parse(JSON.stringify(before.keep())) as ReturnType<HealthControl['keep']>
  expect(Object.keys(kept)).toEqual(['upstreams/a'])
  put(undefined, 'upstreams', { a: { ...upstream, nodes: { ...NODES, '127.0.0.1:3': 1 } } })
  const after = begin()
  after.inherit(kept)
  expect(after.report('upstreams/a')?.nodes).toMatchObject([
    { status: 'unhealthy', usable: false, ejected: false, evidence: /1 × tcp_failure of requests/ },
    { status: 'healthy', usable: false, ejected: true },
    { status: 'healthy', usable: true },
  ])
})

describe('loaded on demand', () => {
  const lazy = (more: Partial<ConstructorParameters<typeof LazyHealth>[0]> = {}): LazyHealth => {
    const health = new LazyHealth({ ...options(), onBoards: () => undefined, ...more })
    controls.push(health)
    return health
  }

  it('by the first upstream that asks for it', async () => {
    const health = lazy()
    await health.start()
    put(undefined, 'upstreams', { d: { id: 'd', nodes: NODES } })
    health.apply([{ kind: 'upstreams', id: 'd', value: resources.upstreams.get('d') } as Operation])
    expect([health.boards().size, sent.length]).toEqual([0, 0])
    put(undefined, 'routes', { r: { id: 'r', uri: '/', upstream: { nodes: NODES, slow_start: { window: 1 } } } })
    health.apply([{ kind: 'routes', id: 'r', value: resources.routes.get('r') } as Operation])
    await vi.waitFor(() => expect([...health.boards().keys()]).toEqual(['routes/r']))
    expect(sent).toMatchObject([{ type: 'health-board', place: 'routes/r' }])
  })

  it('and is told what the process before it knew, or goes without', async () => {
    put(undefined, 'upstreams', { a: { id: 'a', nodes: NODES, checks: RARELY } })
    const kept: string[] = []
    const first = lazy({ onKeep: (text) => kept.push(text) })
    await first.start()
    const data = first.boards().get('upstreams/a')
    new HealthBoard(data!).node('127.0.0.1:1')?.failure('tcp_failure', 1)
    first.receive(down('127.0.0.1:1'))
    await vi.waitFor(() => expect(kept.at(-1)).toContain('unhealthy'))
    const second = lazy({ inherited: kept.at(-1) })
    await second.start()
    expect(second.reports()[0].nodes.map(({ usable }) => usable)).toEqual([false, true])
    for (const inherited of ['{', '[1]', '{"upstreams/a":{"127.0.0.1:1":{"status":"odd"}}}', 'null']) {
      const third = lazy({ inherited })
      await third.start()
      expect(third.reports()[0].nodes).toHaveLength(2)
    }
  })
})

it('probes through the whole: of two nodes, one that accepts and one that does not', async () => {
  const server: Server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const active = { type: 'tcp', healthy: { interval: 0.1 }, unhealthy: { interval: 0.1 } }
  // Port 1 of this machine is nobody's.
  put(undefined, 'upstreams', {
    a: { id: 'a', nodes: { [`127.0.0.1:${port}`]: 1, '127.0.0.1:1': 1 }, checks: { active } },
  })
  const control = begin()
  await vi.waitFor(() => expect(sent.at(-1)?.type).toBe('health-changed'), { timeout: 10_000, interval: 20 })
  expect(states(control)).toEqual({ [`127.0.0.1:${port}`]: 'healthy', '127.0.0.1:1': 'unhealthy' })
  expect(metrics.render()).toMatch(
    /health_checks_total\{upstream="upstreams\/a",node="127\.0\.0\.1:1",result="tcp_failure"\} 2/,
  )
  control.stop()
  await new Promise((resolve) => server.close(resolve))
})
