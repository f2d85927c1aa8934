import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ControlMetrics } from '../observability/metrics/index.ts'
import { Discovery } from './discovery.ts'
import { LastGoodNodes } from './last-good-nodes.ts'
import type { WantedService } from './service-key.ts'
import { serviceKey } from './service-key.ts'
import type { DiscoverySource, ServiceListener } from './source.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sekisho-discovery-'))))
afterEach(() => rmSync(folder, { recursive: true }))

/** A source that a test plays. */
class PlayedSource implements DiscoverySource {
  readonly listeners = new Map<string, ServiceListener>()
  opened = 0
  closed = 0

  open(): Promise<void> {
    this.opened++
    return Promise.resolve()
  }

  watch(service: string, args: object, listener: ServiceListener): () => void {
    if (service === 'impossible') throw new Error('there is no such name')
    const name = `${service} ${JSON.stringify(args)}`
    this.listeners.set(name, listener)
    return () => void this.listeners.delete(name)
  }

  close(): Promise<void> {
    this.closed++
    return Promise.resolve()
  }
}

const wanted = (
  ...services: [type: string, name: string, args?: Record<string, unknown>][]
): Map<string, WantedService> =>
  new Map(services.map(([type, name, args = {}]) => [serviceKey({ type, name, args }), { type, name, args }]))

function made(lastGood?: LastGoodNodes) {
  const source = new PlayedSource()
  const told: [string, string[] | undefined][] = []
  const lines: string[] = []
  const line = (_fields: object, message: string): void => void lines.push(message)
  const metrics = new ControlMetrics({ version: 'test' })
  const discovery = new Discovery({
    source: (type) =>
      type === 'broken'
        ? Promise.reject(new Error('its settings are wrong'))
        : Promise.resolve(type === 'none' ? undefined : source),
    emptyAfterMs: 0,
    lastGood,
    metrics: metrics.own,
    logger: { error: line, warn: line, info: line },
    onNodes: (key, nodes) => told.push([key, nodes?.map(({ host }) => host)]),
  })
  return { discovery, source, told, lines, metrics }
}

it('opens a source once, watches each service with each set of arguments once, and ends what nobody asks for', async () => {
  const { discovery, source, told, metrics } = made()
  const [plain, prod] = [wanted(['nacos', 'shop']), wanted(['nacos', 'shop', { group_name: 'b', namespace_id: 'p' }])]
  await discovery.start(new Map(), 0)
  discovery.update(new Map([...plain, ...prod]))
  discovery.update(new Map([...prod, ...plain]))
  await Promise.resolve()
  await expect
    .poll(() => [...source.listeners.keys()])
    .toEqual(['shop {}', 'shop {"group_name":"b","namespace_id":"p"}'])
  expect(source.opened).toBe(1)
  source.listeners.get('shop {}')?.found([{ host: 'a', port: 1 }])
  source.listeners.get('shop {"group_name":"b","namespace_id":"p"}')?.found([{ host: 'b', port: 1 }])
  expect(told).toEqual([
    ['nacos shop', ['a']],
    ['nacos shop?group_name=b&namespace_id=p', ['b']],
  ])
  expect(Object.keys(discovery.dump('nacos').services)).toEqual(['shop', 'shop?group_name=b&namespace_id=p'])
  expect(metrics.render()).toContain('service_name="shop"')
  discovery.update(prod)
  expect([...source.listeners.keys()]).toEqual(['shop {"group_name":"b","namespace_id":"p"}'])
  expect(told.at(-1)).toEqual(['nacos shop', undefined])
  expect(metrics.render()).not.toContain('service_name="shop"')
  await discovery.close()
  expect([source.listeners.size, source.closed]).toEqual([0, 1])
})

it('says why a service cannot be looked up', async () => {
  const { discovery, lines } = made()
  await discovery.start(wanted(['none', 'a'], ['broken', 'b'], ['nacos', 'impossible']), 10_000)
  expect(lines.toSorted()).toEqual([
    'the broken service "b" cannot be looked up: its settings are wrong; it has no nodes yet',
    'the nacos service "impossible" cannot be looked up: there is no such name; it has no nodes yet',
    'the none service "a" cannot be looked up: the settings of this node have no "discovery: { none: … }"; it has no nodes yet',
  ])
})

it('waits for first answers at the start, and no longer than it was told', async () => {
  const { discovery, source } = made()
  let started = false
  const starting = discovery.start(wanted(['dns', 'a'], ['dns', 'b']), 60_000).then(() => (started = true))
  await expect.poll(() => source.listeners.size).toBe(2)
  source.listeners.get('a {}')?.found([])
  await Promise.resolve()
  expect(started).toBe(false)
  source.listeners.get('b {}')?.failed(new Error('away'))
  await starting
  const silent = made()
  await silent.discovery.start(wanted(['dns', 'a']), 1)
  await silent.discovery.close()
})

it('starts with the nodes of the disk at once, checked like any others, and writes what changes', async () => {
  const path = join(folder, 'data', 'nodes.json')
  const problems: string[] = []
  const file = (): LastGoodNodes => new LastGoodNodes(path, ({ message }) => problems.push(message))
  const first = made(file())
  await first.discovery.start(wanted(['dns', 'a'], ['dns', 'b']), 0)
  await expect.poll(() => first.source.listeners.size).toBe(2)
  first.source.listeners.get('a {}')?.found([{ host: 'x', port: 1 }])
  first.source.listeners.get('b {}')?.found([{ host: 'y', port: 2, metadata: { zone: 'z' } }])
  await first.discovery.close()
  const written = JSON.parse(readFileSync(path, 'utf8')) as { services: Record<string, object[]> }
  expect(Object.keys(written.services)).toEqual(['dns a', 'dns b'])
  written.services['dns a'].push({ host: '/etc/passwd', port: 1 })
  writeFileSync(path, JSON.stringify(written))
  const second = made(file())
  await second.discovery.start(wanted(['dns', 'a']), 60_000)
  expect(second.told).toEqual([['dns a', ['x']]])
  expect(problems).toEqual([])
  for (const text of [
    '{',
    '{}',
    '{"format":"other"}',
    'null',
    '{"format":"sekisho discovery 1","services":{"dns a":3}}',
  ]) {
    writeFileSync(path, text)
    const { discovery, told } = made(file())
    await discovery.start(wanted(['dns', 'a']), 0)
    expect({ text, told }).toEqual({ text, told: [] })
    await discovery.close()
  }
  expect(problems).toHaveLength(4)
  await second.discovery.close()
})

it('leaves the disk to the process that comes after it', async () => {
  const path = join(folder, 'nodes.json')
  const { discovery, source, told } = made(new LastGoodNodes(path, () => undefined))
  await discovery.start(wanted(['dns', 'a']), 0)
  await discovery.drain()
  await expect.poll(() => source.listeners.size).toBe(1)
  source.listeners.get('a {}')?.found([{ host: 'x', port: 1 }])
  expect(told).toEqual([['dns a', ['x']]])
  await discovery.close()
  expect(() => readFileSync(path)).toThrow('ENOENT')
})
