import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LoadBalancer } from '../balancing/index.ts'
import { Resolver } from '../peers/resolver.ts'
import { ActiveChecks, type ActiveCheckOptions } from './active-checks.ts'
import { HealthChecks } from './health-checks.ts'
import { ProbeGate } from './probe-gate.ts'
import type { ProbeAddress, ProbeResult } from './probe.ts'

const OK: ProbeResult = { outcome: 'success', evidence: 'connected' }
const REFUSED: ProbeResult = { outcome: 'tcp_failure', evidence: 'refused' }

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => vi.useRealTimers())

let checks: ActiveChecks
const down = new Set<string>()
let asked: { at: number; port: number }[]
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const times = (port: number): number[] => asked.filter((one) => one.port === port).map(({ at }) => at)
const nodes = (count: number): Map<string, ProbeAddress> =>
  new Map(Array.from({ length: count }, (_, index) => [`n${index}`, { host: 'n', port: index }]))

function begin(options: Partial<ActiveCheckOptions>): void {
  asked = []
  down.clear()
  const startedAt = performance.now()
  const { probe = () => Promise.resolve(OK), ...rest } = options
  checks = new ActiveChecks({
    timeoutMs: 1_000,
    healthyIntervalMs: 1_000,
    unhealthyIntervalMs: 250,
    concurrency: 10,
    isDown: (key) => down.has(key),
    onResult: () => undefined,
    random: () => 0.5,
    ...rest,
    probe: (address, ms) => {
      asked.push({ at: performance.now() - startedAt, port: address.port })
      return probe(address, ms)
    },
  })
}

describe('when nodes are asked', () => {
  it('spread over the interval at first, then once in each', async () => {
    let next = 0
    begin({ random: () => [0.1, 0.6, 0.9][next++] })
    checks.setNodes(nodes(3))
    await pass(2_999)
    expect([times(0), times(1), times(2)]).toEqual([
      [100, 1_100, 2_100],
      [600, 1_600, 2_600],
      [900, 1_900, 2_900],
    ])
    checks.stop()
    await pass(10_000)
    expect(asked).toHaveLength(9)
  })

  it('more often, or less, while they are out; from the change on', async () => {
    begin({ onResult: (key) => asked.length === 2 && down.add(key) })
    checks.setNodes(nodes(1))
    await pass(2_001)
    expect(times(0)).toEqual([500, 1_500, 1_750, 2_000])
    // By traffic, between two probes.
    down.clear()
    checks.stateChanged('n0')
    await pass(1_100)
    expect(times(0).at(-1)).toBe(3_001)
    down.add('n0')
    checks.stateChanged('n0')
    await pass(250)
    expect(times(0).at(-1)).toBe(3_351)
  })

  it('never twice at a time, and not before an answer that takes longer than the interval', async () => {
    begin({ probe: () => new Promise((resolve) => setTimeout(() => resolve(OK), 2_500)) })
    checks.setNodes(nodes(1))
    await pass(6_000)
    // A timer of no time is one of a millisecond.
    expect(times(0)).toEqual([500, 3_001, 5_502])
  })

  it('so many at a time, of an upstream and of all', async () => {
    const open = { now: 0, most: 0 }
    const probe = async (): Promise<ProbeResult> => {
      open.most = Math.max(open.most, ++open.now)
      await new Promise((resolve) => setTimeout(resolve, 100))
      open.now--
      return OK
    }
    begin({ probe, concurrency: 3 })
    checks.setNodes(nodes(9))
    await pass(810)
    expect([open.most, asked.length]).toEqual([3, 9])
    checks.stop()
    await pass(1_000)

    open.most = 0
    const gate = new ProbeGate(4)
    begin({ probe, gate })
    const other = new ActiveChecks({
      probe,
      gate,
      timeoutMs: 1,
      healthyIntervalMs: 1_000,
      unhealthyIntervalMs: 1_000,
      concurrency: 10,
      isDown: () => false,
      onResult: () => undefined,
      random: () => 0.5,
    })
    checks.setNodes(nodes(6))
    other.setNodes(nodes(6))
    await pass(1_300)
    expect(open.most).toBe(4)
    other.stop()
    checks.stop()
  })
})

describe('a change of the nodes', () => {
  it('leaves the rhythm of those that stay, and tells nothing of those that went while they were asked', async () => {
    const told: string[] = []
    begin({
      probe: () => new Promise((resolve) => setTimeout(() => resolve(OK), 100)),
      onResult: (key) => told.push(key),
    })
    checks.setNodes(nodes(2))
    await pass(550)
    checks.setNodes(new Map([['n0', { host: 'n', port: 0 }]]))
    await pass(1_000)
    expect(told).toEqual(['n0'])
    expect(times(0)).toEqual([500, 1_500])
    expect(times(1)).toEqual([500])
  })

  it('asks a node at its new port', async () => {
    begin({})
    checks.setNodes(nodes(1))
    checks.setNodes(new Map([['n0', { host: 'n', port: 8080 }]]))
    await pass(2_000)
    expect([times(0), times(8080)]).toEqual([[], [500, 1_500]])
  })
})

describe('checks of a balancer', () => {
  it('take nodes out and back in, and follow its updates', async () => {
    const dead = new Set(['b'])
    const changes: string[] = []
    const balancer = LoadBalancer.roundRobin(['a:1', 'b:1'])
    const health = new HealthChecks(balancer, {
      resolver: new Resolver(() => Promise.resolve({ addresses: ['127.0.0.1'], ttlMs: 60_000 })),
      probe: ({ name = '' }) => Promise.resolve(dead.has(name) ? REFUSED : OK),
      onChange: (backend, status) => changes.push(`${backend.address} ${status}`),
    })
    await pass(1_000)
    expect(changes).toEqual([])
    await pass(1_000)
    expect(changes).toEqual(['b:1 unhealthy'])
    expect([balancer.select()?.address, balancer.select()?.address]).toEqual(['a:1', 'a:1'])
    balancer.update(['b:1', 'c:1'])
    dead.add('c')
    health.update()
    await pass(2_000)
    dead.clear()
    await pass(2_000)
    expect(changes.slice(1).sort()).toEqual(['b:1 healthy', 'c:1 healthy', 'c:1 unhealthy'])
    health.stop()
  })
})
