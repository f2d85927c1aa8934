import { expect, test } from 'vitest'
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
