import { HealthBoard, LoadBalancer, type Backend } from '@sekisho/proxy'
import { beforeEach, describe, expect, it } from 'vitest'
import { normaliseUpstream } from '../resources/normalise-upstream.ts'
import type { Upstream } from '../resources/upstream.ts'
import type { HealthReport } from './health-messages.ts'
import { TargetHealth } from './target-health.ts'

const NODES = { '10.0.0.1:80': 1, '10.0.0.2:80': 1, '[::1]:80': 1 }
let board: HealthBoard
let reports: (HealthReport['event'] & { node: string; evidence: string })[]
let now = 0
beforeEach(() => {
  board = HealthBoard.of(['10.0.0.1:80', '10.0.0.2:80', '[::1]:80'])
  reports = []
  now = 1_000_000
})

interface Worker {
  readonly health: TargetHealth
  readonly balancer: LoadBalancer
  readonly nodes: readonly Backend[]
}

/** One worker's view of the upstream. */
function worker(upstream: Partial<Upstream>): Worker {
  const normal = normaliseUpstream({ nodes: NODES, ...upstream } as Upstream)
  const health = new TargetHealth(
    normal,
    (node, event, evidence) => reports.push({ node, ...event, evidence }),
    () => now,
  )
  const balancer = LoadBalancer.roundRobin(
    ['10.0.0.1:80', '10.0.0.2:80', '[::1]:80'],
    upstream.slow_start === undefined
      ? {}
      : { slowStart: { windowMs: upstream.slow_start.window * 1_000 }, now: () => now },
  )
  health.attach(balancer, board)
  return { health, balancer, nodes: balancer.backends }
}

const passive = (more: object): Partial<Upstream> => ({ checks: { active: {}, passive: more } })

describe('passive checks', () => {
  it('count across workers, and one of them reports', () => {
    const [one, two] = [
      worker(passive({ unhealthy: { http_failures: 4 } })),
      worker(passive({ unhealthy: { http_failures: 4 } })),
    ]
    for (let round = 0; round < 4; round++) {
      const { health, nodes } = round % 2 === 0 ? one : two
      health.status(nodes[0], 500, undefined)
    }
    expect(reports).toEqual([{ node: '10.0.0.1:80', change: 'down', kind: 'http_failure', evidence: 'status 500' }])
    // The worker that saw the last one knows at once; the other is told to look.
    expect([one.nodes[0].healthy, two.nodes[0].healthy]).toEqual([true, false])
    one.health.refresh()
    expect(one.nodes[0].healthy).toBe(false)
    for (let round = 0; round < 5; round++) one.health.status(one.nodes[0], 200, undefined)
    expect(reports[1]).toEqual({ node: '10.0.0.1:80', change: 'up', evidence: '5 successes of requests in a row' })
    two.health.refresh()
    expect([one.nodes[0].healthy, two.nodes[0].healthy]).toEqual([true, true])
  })

  it.each<[string, Record<string, unknown>, (worker: Worker, node: Backend) => void, string | undefined]>([
    [
      '429 twice',
      { unhealthy: { http_failures: 2 } },
      ({ health }, node) => health.status(node, 429, undefined),
      'http_failure',
    ],
    [
      '404, which says nothing',
      { unhealthy: { http_failures: 2 } },
      ({ health }, node) => health.status(node, 404, undefined),
      undefined,
    ],
    [
      'refused',
      { unhealthy: { tcp_failures: 2 } },
      ({ health }, node) => health.failure(node, 'CONNECT_REFUSED'),
      'tcp_failure',
    ],
    [
      'broken off',
      { unhealthy: { tcp_failures: 2 } },
      ({ health }, node) => health.failure(node, 'RESET'),
      'tcp_failure',
    ],
    [
      'too late',
      { unhealthy: { timeouts: 2 } },
      ({ health }, node) => health.failure(node, 'READ_TIMEOUT'),
      'timeout_failure',
    ],
    [
      'no fault of the node',
      { unhealthy: { tcp_failures: 2 } },
      ({ health }, node) => health.failure(node, 'CLIENT_GONE'),
      undefined,
    ],
    [
      'asked to go elsewhere',
      { unhealthy: { tcp_failures: 2 } },
      ({ health }, node) => health.failure(node, 'STREAM_REFUSED'),
      undefined,
    ],
    ['not counted', { unhealthy: { tcp_failures: 0 } }, ({ health }, node) => health.failure(node, 'RESET'), undefined],
    [
      '500, by TCP alone',
      { type: 'tcp', unhealthy: { http_failures: 2 } },
      ({ health }, node) => health.status(node, 500, undefined),
      undefined,
    ],
  ])('%s', (_, settings, see, kind) => {
    const one = worker(passive(settings))
    see(one, one.nodes[1])
    see(one, one.nodes[1])
    expect(reports.map((report) => (report.change === 'down' ? report.kind : report.change))).toEqual(
      kind === undefined ? [] : [kind],
    )
    expect(one.nodes[1].healthy).toBe(kind === undefined)
  })

  it('go by the status of gRPC', () => {
    const upstream: Partial<Upstream> = {
      scheme: 'grpc',
      ...passive({ unhealthy: { http_failures: 1, http_statuses: [503] } }),
    }
    const one = worker(upstream)
    one.health.status(one.nodes[0], 200, 5)
    one.health.status(one.nodes[0], 200, 0)
    expect(reports).toEqual([])
    one.health.status(one.nodes[0], 200, 14)
    expect(reports).toMatchObject([{ change: 'down', evidence: 'status 200, grpc-status 14' }])
  })

  it('of TCP go by the connection, also over IPv6', () => {
    const one = worker(passive({ type: 'tcp', unhealthy: { tcp_failures: 1 }, healthy: { successes: 1 } }))
    one.health.failure(one.nodes[2], 'CONNECT_TIMEOUT')
    expect(reports).toEqual([])
    one.health.failure(one.nodes[2], 'CONNECT_REFUSED')
    one.health.connected(one.nodes[2])
    expect(reports.map(({ change, node }) => `${node} ${change}`)).toEqual(['[::1]:80 down', '[::1]:80 up'])
  })
})

describe('outlier detection', () => {
  it('asks for an ejection once, whichever worker saw the row full, and obeys', () => {
    const upstream: Partial<Upstream> = { outlier_detection: { consecutive_5xx: 3 } }
    const [one, two] = [worker(upstream), worker(upstream)]
    for (let round = 0; round < 4; round++) {
      one.health.status(one.nodes[0], 500, undefined)
      two.health.failure(two.nodes[0], 'CONNECT_REFUSED')
    }
    expect(reports).toEqual([
      { node: '10.0.0.1:80', change: 'outlier', reason: 'consecutive_5xx', evidence: 'status 500' },
    ])
    expect(one.nodes[0].healthy).toBe(true)
    board.node('10.0.0.1:80')!.words[1] = 1
    for (const { health, nodes } of [one, two]) {
      health.refresh()
      expect(nodes[0].healthy).toBe(false)
    }
  })
})

describe('the board', () => {
  it('tells a worker that starts, or a target that is made anew, what is known', () => {
    board.node('10.0.0.2:80')?.failure('tcp_failure', 1)
    expect(worker(passive({})).nodes.map(({ healthy }) => healthy)).toEqual([true, false, true])
  })

  it('may know other nodes than the balancer does, for a moment', () => {
    const one = worker(passive({ unhealthy: { tcp_failures: 1 } }))
    one.balancer.update(['10.0.0.9:80', '10.0.0.2:80'])
    one.health.attach(one.balancer)
    one.health.failure(one.balancer.backends[0], 'RESET')
    one.health.failure(one.nodes[0], 'RESET')
    expect(reports).toEqual([])
    one.health.failure(one.balancer.backends[1], 'RESET')
    expect(reports).toMatchObject([{ node: '10.0.0.2:80' }])
  })

  it('says since when a node starts slowly', () => {
    const one = worker({ slow_start: { window: 10 } })
    expect(one.nodes[0].slowStart).toBeUndefined()
    board.start('10.0.0.1:80', now - 2_500)
    one.health.refresh()
    expect(one.nodes[0].slowStart?.share).toBe(0.25)
    now += 2_500
    // Another look does not start it anew; a new worker begins where the others are.
    one.health.refresh()
    expect(one.nodes[0].slowStart?.share).toBe(0.5)
    expect(worker({ slow_start: { window: 10 } }).nodes[0].slowStart?.share).toBe(0.5)
    now += 60_000
    expect(worker({ slow_start: { window: 10 } }).nodes[0].slowStart).toBeUndefined()
  })
})
