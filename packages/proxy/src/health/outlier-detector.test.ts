import { beforeEach, describe, expect, it } from 'vitest'
import { HealthBoard } from './health-board.ts'
import type { NodeHealth } from './node-health.ts'
import { OutlierCounts } from './outlier-counts.ts'
import { OutlierDetector } from './outlier-detector.ts'
import type { OutlierSettings } from './outlier-settings.ts'

const DEFAULTS: OutlierSettings = {
  consecutive5xx: 5,
  consecutiveGatewayFailure: 0,
  consecutiveLocalOriginFailure: 0,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionTimeMs: 300_000,
  maxEjectionPercent: 10,
  successRate: undefined,
  failurePercentage: undefined,
}

let nodes: Map<string, NodeHealth>
let detector: OutlierDetector
let counts: OutlierCounts[]

function begin(count: number, settings: Partial<OutlierSettings>): void {
  const addresses = Array.from({ length: count }, (_, index) => `n${index}`)
  const board = HealthBoard.of(addresses)
  const all = { ...DEFAULTS, ...settings }
  nodes = new Map(addresses.map((address) => [address, board.node(address) as NodeHealth]))
  detector = new OutlierDetector(all)
  detector.setNodes(nodes)
  counts = [...nodes.values()].map(({ words }) => new OutlierCounts(words, all))
}
const ejectedNodes = (): string[] => [...nodes].filter(([, node]) => node.ejected).map(([address]) => address)
const answers = (node: number, statuses: readonly number[]): unknown[] =>
  statuses.map((status) => (status === 0 ? counts[node].localFailure() : counts[node].status(status)))
const repeat = (status: number, times: number): number[] => Array.from({ length: times }, () => status)

describe('rows of failures', () => {
  it('are full at the limit, asked for once, and broken by any other answer', () => {
    begin(3, {})
    expect(answers(0, [500, 500, 500, 500, 200, 500, 500, 500, 500])).toEqual(repeat(0, 9).map(() => undefined))
    expect(answers(0, [503, 500, 500])).toEqual(['consecutive_5xx', undefined, undefined])
    expect(detector.full('n0', 'consecutive_5xx', 0)).toMatchObject({ durationMs: 30_000, evidence: '5 in a row' })
    expect(ejectedNodes()).toEqual(['n0'])
    // It is out: what it still answers asks for nothing.
    expect(answers(0, repeat(500, 20)).every((reason) => reason === undefined)).toBe(true)
  })

  it('of gateway failures are those of 502, 503, 504 and of connections', () => {
    begin(3, { consecutive5xx: 0, consecutiveGatewayFailure: 3 })
    expect(answers(0, [502, 503, 500, 504, 0, 502])).toEqual([
      ...repeat(0, 5).map(() => undefined),
      'consecutive_gateway_failure',
    ])
  })

  it('of connections are apart when that is asked for', () => {
    begin(3, { consecutiveLocalOriginFailure: 2 })
    expect(answers(0, [0, 500, 0, 500, 500, 500, 0, 0]).at(-1)).toBe('consecutive_local_origin_failure')
    begin(3, {})
    expect(answers(1, [0, 500, 0, 500, 0]).at(-1)).toBe('consecutive_5xx')
  })
})

describe('an ejection', () => {
  beforeEach(() => begin(10, { maxEjectionPercent: 50 }))

  it('takes longer each time, up to a limit, and less again when all went well for a while', () => {
    let now = 0
    const durations: unknown[] = []
    for (let round = 0; round < 12; round++) {
      const ejection = detector.full('n0', 'consecutive_5xx', now)
      durations.push(ejection?.durationMs)
      now += ejection?.durationMs ?? 0
      expect(detector.sweep(now - 1).returned).toEqual([])
      expect(detector.sweep(now).returned).toEqual(['n0'])
    }
    expect(durations).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300].map((s) => s * 1_000))
    for (let interval = 0; interval < 11; interval++) detector.sweep((now += 10_000))
    expect(detector.full('n0', 'consecutive_5xx', now)?.durationMs).toBe(60_000)
  })

  it('is refused when so many are out, and may be asked for again after an interval', () => {
    for (let index = 0; index < 5; index++) expect(detector.full(`n${index}`, 'consecutive_5xx', 0)).toBeDefined()
    expect(answers(7, repeat(500, 5)).at(-1)).toBe('consecutive_5xx')
    expect(detector.full('n7', 'consecutive_5xx', 0)).toBeUndefined()
    expect(answers(7, repeat(500, 100)).every((reason) => reason === undefined)).toBe(true)
    detector.sweep(30_000)
    expect(ejectedNodes()).toEqual([])
    expect(answers(7, [500])).toEqual(['consecutive_5xx'])
  })

  it('is always possible for one node, and never with 0 percent', () => {
    begin(3, { maxEjectionPercent: 1 })
    expect(detector.full('n0', 'consecutive_5xx', 0)).toBeDefined()
    expect(detector.full('n1', 'consecutive_5xx', 0)).toBeUndefined()
    begin(3, { maxEjectionPercent: 0 })
    expect(detector.full('n0', 'consecutive_5xx', 0)).toBeUndefined()
  })

  it('stays with nodes that stay, and through a process', () => {
    detector.full('n0', 'consecutive_5xx', 0)
    detector.full('n1', 'consecutive_5xx', 0)
    detector.setNodes(new Map([...nodes].slice(1)))
    expect(detector.ejectedCount).toBe(1)
    const state = detector.state(10_000)
    expect(state).toEqual([['n1', 1, 20_000]])
    begin(10, {})
    detector.restore(state, 1_000_000)
    expect(ejectedNodes()).toEqual(['n1'])
    expect(detector.sweep(1_020_000).returned).toEqual(['n1'])
  })
})

describe('rates', () => {
  const successRate = { minimumHosts: 5, requestVolume: 100, stdevFactor: 1.9 }

  it('eject a node that is far below the mean', () => {
    begin(10, { consecutive5xx: 0, successRate })
    for (let node = 0; node < 10; node++)
      for (let request = 0; request < 200; request++)
        counts[node].status(request % 20 < (node === 3 ? 9 : 1) ? 500 : 200)
    const { ejected } = detector.sweep(10_000)
    expect(ejected).toMatchObject([{ address: 'n3', reason: 'success_rate' }])
    expect(ejected[0].evidence).toMatch(/^55% of 200 requests succeeded, less than 68\.\d%/)
    // The next interval begins at 0.
    expect(detector.sweep(20_000).ejected).toEqual([])
  })

  it('do not when too few nodes have enough requests, or all are alike', () => {
    begin(10, { consecutive5xx: 0, successRate })
    for (let node = 0; node < 4; node++) answers(node, repeat(node === 0 ? 500 : 200, 100))
    for (let node = 4; node < 10; node++) answers(node, repeat(200, 99))
    expect(detector.sweep(10_000).ejected).toEqual([])
    for (let node = 0; node < 10; node++) answers(node, repeat(500, 100))
    expect(detector.sweep(20_000).ejected).toEqual([])
  })

  it('of failures: as many percent as are too many', () => {
    begin(10, {
      consecutive5xx: 0,
      maxEjectionPercent: 100,
      failurePercentage: { threshold: 50, minimumHosts: 2, requestVolume: 10 },
    })
    answers(0, [...repeat(500, 5), ...repeat(200, 5)])
    answers(1, [...repeat(500, 4), ...repeat(200, 6)])
    answers(2, repeat(0, 9))
    expect(detector.sweep(1).ejected).toMatchObject([
      { address: 'n0', evidence: '50% of 10 requests succeeded, 50% may not fail' },
    ])
  })
})
