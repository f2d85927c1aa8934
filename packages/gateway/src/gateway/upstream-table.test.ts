import { HealthBoard } from '@sekisho/proxy'
import { expect, test } from 'vitest'
import { WorkerHealth } from '../health/worker-health.ts'
import type { Upstream } from '../resources/upstream.ts'
import { UpstreamTable, type UpstreamTableOptions } from './upstream-table.ts'

const DEFAULTS = { connect_timeout: 60, send_timeout: 60, read_timeout: 60, keepalive_pool_size: 320 }
const upstream = (port: number, more: Partial<Upstream> = {}): Upstream => ({
  nodes: { [`127.0.0.1:${port}`]: 1 },
  ...more,
})
const logger = { error: () => undefined, warn: () => undefined, info: () => undefined }
const table = (certificateOf: UpstreamTableOptions['certificateOf'] = () => undefined): UpstreamTable =>
  new UpstreamTable({ defaults: DEFAULTS, workerIndex: 0, certificateOf, logger })
const route = (id: string, more: object = {}) =>
  ({ id, upstream_id: undefined, service_id: undefined, ...more }) as never

test('a target stays while its upstream does, whatever else changes', () => {
  const upstreams = table()
  upstreams.set('a', upstream(1))
  upstreams.set('ab', upstream(2))
  const of = (id: string) => upstreams.targetOf(route('r', { upstream_id: id }), undefined).upstream
  const [a, ab] = [of('a'), of('ab')]
  expect(a).toBeDefined()
  upstreams.set('ab', upstream(3))
  upstreams.removeOwner('routes', 'a')
  expect(of('a')).toBe(a)
  expect(of('ab')).not.toBe(ab)
  upstreams.set('a', undefined)
  expect(upstreams.targetOf(route('r', { upstream_id: 'a' }), undefined).missing?.status).toBe(502)
})

test('routes share a target when they have the same time limits', () => {
  const upstreams = table()
  upstreams.set('a', upstream(1))
  const of = (id: string, timeout?: object) =>
    upstreams.targetOf(route(id, { upstream_id: 'a', timeout }), undefined).upstream
  const limits = { connect: 1, send: 1, read: 1 }
  expect(of('1')).toBe(of('2'))
  expect(of('1', limits)).toBe(of('2', { ...limits }))
  expect(of('1')).not.toBe(of('1', limits))
})

test('an upstream within a route goes with the route, also one with time limits', () => {
  const upstreams = table()
  const own = upstream(1)
  const timeout = { connect: 1, send: 1, read: 1 }
  const of = () => upstreams.targetOf(route('r', { upstream: own, timeout }), undefined).upstream
  const before = of()
  expect(of()).toBe(before)
  upstreams.removeOwner('routes', 'r')
  expect(of()).not.toBe(before)
})

test('a new certificate makes anew what shows it, and nothing else', () => {
  const shown: string[] = []
  const upstreams = table((id) => {
    shown.push(id)
    return undefined
  })
  upstreams.set('plain', upstream(1))
  upstreams.set('a', upstream(2, { scheme: 'https', tls: { client_cert_id: 'one' } }))
  const of = (id: string) => upstreams.targetOf(route('r', { upstream_id: id }), undefined).upstream
  const [plain, a] = [of('plain'), of('a')]
  upstreams.certificateChanged('other')
  expect(of('a')).toBe(a)
  upstreams.certificateChanged('one')
  expect(of('a')).not.toBe(a)
  expect(of('plain')).toBe(plain)
  upstreams.certificateChanged('one')
  of('a')
  expect(shown).toEqual(['one', 'one', 'one'])
})

test('what service discovery finds goes into targets that are in use: nodes that stay keep their peer', () => {
  const upstreams = table()
  const written = { service_name: 'shop', discovery_type: 'dns', scheme: 'https' } as const
  upstreams.set('a', written)
  const found = (...hosts: string[]) => hosts.map((host) => ({ host, port: undefined, weight: 1, priority: 0 }))
  const of = (id: string, timeout?: object) =>
    upstreams.targetOf(route(id, { upstream_id: 'a', timeout }), undefined).upstream
  const picks = (target: ReturnType<typeof of>): Map<string, unknown> =>
    new Map(Array.from({ length: 4 }, () => target?.pickBy('', [])).map((peer) => [peer?.name ?? '', peer]))
  const [target, limited] = [of('1'), of('2', { connect: 1, send: 1, read: 1 })]
  expect([...picks(target).keys()]).toEqual([''])
  upstreams.setDiscovered('dns shop', found('one', 'two'))
  upstreams.setDiscovered('dns other', found('nine'))
  const before = picks(target)
  expect([...before.keys()].toSorted()).toEqual(['one:443', 'two:443'])
  expect([...picks(limited).keys()].toSorted()).toEqual(['one:443', 'two:443'])
  expect(target?.retries).toBe(1)
  upstreams.setDiscovered('dns shop', found('two', 'three'))
  expect([...picks(target).keys()].toSorted()).toEqual(['three:443', 'two:443'])
  expect(picks(target).get('two:443')).toBe(before.get('two:443'))
  // A target that is made later knows the same.
  upstreams.set('a', { ...written })
  expect([...picks(of('1')).keys()].toSorted()).toEqual(['three:443', 'two:443'])
  upstreams.setDiscovered('dns shop', found('two'))
  expect([...picks(of('1')).keys()]).toEqual(['two:443'])
  expect(of('1')?.retries).toBe(0)
})

test('nodes may have addresses of IPv6', () => {
  const upstreams = table()
  upstreams.set('a', { nodes: { '[::1]:8080': 1 } })
  const target = upstreams.targetOf(route('r', { upstream_id: 'a' }), undefined).upstream
  expect(target?.pickBy('', [])).toMatchObject({ host: '::1', port: 8080, name: '[::1]:8080' })
})

test('what is known of nodes holds for targets that are there, and for those that are made later', () => {
  const health = new WorkerHealth(new Map(), () => undefined)
  const upstreams = new UpstreamTable({
    defaults: DEFAULTS,
    workerIndex: 0,
    certificateOf: () => undefined,
    logger,
    health,
  })
  upstreams.set('a', { nodes: { '127.0.0.1:1': 1, '[::1]:2': 1 }, checks: { active: {} } })
  upstreams.set('plain', upstream(1))
  const of = (id: string, timeout?: object) =>
    upstreams.targetOf(route('r', { upstream_id: id, timeout }), undefined).upstream
  expect(of('plain')?.health).toBeUndefined()
  // The board comes after the change that asked for it.
  const before = of('a')
  const board = HealthBoard.of(['127.0.0.1:1', '[::1]:2'])
  health.set('upstreams/a', board.data)
  upstreams.healthBoardChanged('upstreams/a')
  const picks = (target = before) => new Set([1, 2, 3, 4].map(() => target?.pickBy('', [])?.port))
  expect(picks()).toEqual(new Set([1, 2]))
  board.node('[::1]:2')?.failure('tcp_failure', 1)
  upstreams.healthChanged('upstreams/a')
  expect(picks()).toEqual(new Set([1]))
  expect(picks(of('a', { connect: 1, send: 1, read: 1 }))).toEqual(new Set([1]))
  upstreams.healthChanged('upstreams/none')
})
