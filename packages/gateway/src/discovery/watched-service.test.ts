import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ControlMetrics } from '../observability/metrics/index.ts'
import { DiscoveryMetrics } from './discovery-metrics.ts'
import type { DiscoveredNode } from './settle-nodes.ts'
import type { FoundNode } from './source.ts'
import { MIN_BETWEEN_CHANGES_MS, WatchedService } from './watched-service.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const at = (...hosts: string[]): FoundNode[] => hosts.map((host) => ({ host, port: 80 }))

function watched(more: { known?: readonly DiscoveredNode[]; emptyAfterMs?: number } = {}) {
  const metrics = new ControlMetrics({ version: 'test' })
  const lines: string[] = []
  const changes: string[][] = []
  const line = (_fields: object, message: string): void => void lines.push(message)
  const service = new WatchedService({
    type: 'dns',
    label: 'shop',
    known: more.known,
    emptyAfterMs: more.emptyAfterMs ?? 30_000,
    metrics: new DiscoveryMetrics(metrics.own, 'dns', 'shop'),
    logger: { error: line, warn: line, info: line },
    changed: (nodes) => changes.push(nodes.map(({ host }) => host)),
  })
  return { service, lines, changes, metrics }
}

it('hands on what changed, sorted and without doubles, and nothing when the answer is the same', () => {
  const { service, changes, lines } = watched()
  service.found(at('b', 'a', 'b'))
  service.found(at('a', 'b'))
  vi.advanceTimersByTime(MIN_BETWEEN_CHANGES_MS)
  service.found([...at('a'), { host: 'b', port: 80, weight: 2 }])
  vi.advanceTimersByTime(MIN_BETWEEN_CHANGES_MS)
  expect(changes).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ])
  expect(lines).toEqual([
    'the dns service "shop" has 2 nodes: 2 came, 0 went, 0 changed',
    'the dns service "shop" has 2 nodes: 0 came, 0 went, 1 changed',
  ])
})

it('hands on changes that come fast together: ten times a second at most', () => {
  const { service, changes } = watched()
  for (let index = 0; index < 1_000; index++) {
    service.found(at(`n${index}`))
    vi.advanceTimersByTime(1)
  }
  vi.advanceTimersByTime(MIN_BETWEEN_CHANGES_MS)
  expect(changes.length).toBeGreaterThanOrEqual(10)
  expect(changes.length).toBeLessThanOrEqual(12)
  expect(changes.at(-1)).toEqual(['n999'])
})

it('believes an empty answer at once where nothing was known, and else when it holds', () => {
  const fresh = watched()
  fresh.service.found([])
  expect([fresh.changes, fresh.service.nodes]).toEqual([[[]], []])
  const { service, changes } = watched()
  service.found(at('a'))
  vi.advanceTimersByTime(1_000)
  service.found([])
  vi.advanceTimersByTime(29_000)
  // The registry was asked in between, and says the same: the time goes on.
  service.found([])
  expect(changes).toEqual([['a']])
  vi.advanceTimersByTime(1_000)
  expect(changes).toEqual([['a'], []])
})

it('does not believe it when nodes come back, or when the registry fails meanwhile', () => {
  const { service, changes, lines } = watched()
  service.found(at('a'))
  vi.advanceTimersByTime(1_000)
  service.found([])
  service.found(at('a'))
  vi.advanceTimersByTime(60_000)
  service.found([])
  vi.advanceTimersByTime(20_000)
  service.failed(new Error('away'))
  vi.advanceTimersByTime(60_000)
  expect(changes).toEqual([['a']])
  service.found([])
  vi.advanceTimersByTime(29_999)
  expect(changes).toEqual([['a']])
  vi.advanceTimersByTime(1)
  expect(changes).toEqual([['a'], []])
  expect(lines.filter((line) => line.includes('its last 1 node stay in use unless that holds for 30 s'))).toHaveLength(
    3,
  )
})

it('believes it at once where the settings say 0', () => {
  const { service, changes } = watched({ emptyAfterMs: 0 })
  service.found(at('a'))
  vi.advanceTimersByTime(1_000)
  service.found([])
  expect(changes).toEqual([['a'], []])
})

it('keeps what it knows through failures, says so once a minute, and when it is over', () => {
  const { service, changes, lines, metrics } = watched({ known: [{ host: 'a', port: 80, weight: 1, priority: 0 }] })
  for (let second = 0; second < 130; second++) {
    service.failed(new Error('the registry is away'))
    vi.advanceTimersByTime(1_000)
  }
  service.found(at('a'))
  expect(changes).toEqual([])
  expect(lines).toEqual([
    ...Array.from(
      { length: 3 },
      () => 'the dns service "shop" cannot be looked up: the registry is away; its last 1 node stay in use',
    ),
    'the dns service "shop" can be looked up again',
  ])
  const text = metrics.render()
  expect(text).toContain('sekisho_discovery_errors_total{type="dns",service_name="shop"} 130\n')
  expect(text).toContain('sekisho_discovery_nodes{type="dns",service_name="shop"} 1\n')
  expect(text).toMatch(/sekisho_discovery_last_answer_timestamp_seconds\{type="dns",service_name="shop"\} \d{10}/)
})

it('leaves out nodes that are wrong, and says so once', () => {
  const { service, changes, lines } = watched()
  const wrong: unknown[] = [
    { host: 'unix:/x', port: 80 },
    { host: '/etc/passwd', port: 80 },
    { host: 'a b', port: 80 },
    { host: 'fe80::1%eth0', port: 80 },
    { host: 'x', port: 0 },
    { host: 'x', port: 70_000 },
    { host: 'x', port: 80, weight: -1 },
    { host: 'x', port: 80, weight: 0.5 },
    { host: '', port: 80 },
    { port: 80 },
  ]
  service.found([...(wrong as FoundNode[]), ...at('ok')])
  service.found([...(wrong as FoundNode[]), ...at('ok')])
  expect(changes).toEqual([['ok']])
  expect(lines.filter((line) => line.includes('left out'))).toHaveLength(1)
})

it('tells nothing when nobody asks any more', () => {
  const { service, changes } = watched()
  service.found(at('a'))
  service.found(at('b'))
  service.close()
  service.found(at('c'))
  service.failed(new Error('x'))
  vi.advanceTimersByTime(100_000)
  expect(changes).toEqual([['a']])
})
