import { expect, onTestFinished, test } from 'vitest'
import { startGateway } from '../testing/start-gateway.ts'
import { problemsOf } from './testing/mounted.ts'
import plugin from './consumer-restriction.ts'

const consumers = [
  { username: 'jack', group_id: 'team', plugins: { 'key-auth': { key: 'jack' } } },
  { username: 'rose', plugins: { 'key-auth': { key: 'rose' } } },
]

async function statusesOf(restriction: object, asked: readonly (readonly [method: string, key?: string])[]) {
  const gateway = await startGateway({
    consumers,
    consumer_groups: [{ id: 'team', plugins: {} }],
    services: [{ id: 's', upstream_id: 'echo' }],
    routes: [
      { id: 'r', uri: '/*', service_id: 's', plugins: { 'key-auth': {}, 'consumer-restriction': restriction } },
      { id: 'open', uri: '/open', upstream_id: 'echo', plugins: { 'consumer-restriction': restriction } },
    ],
  })
  onTestFinished(() => gateway.close())
  const statuses: number[] = []
  for (const [method, key] of asked) {
    const options = key === undefined ? { method } : { method, headers: { apikey: key } }
    statuses.push((await gateway.fetch(key === undefined ? '/open' : '/', options)).status)
  }
  return statuses
}
const each = [['GET', 'jack'], ['GET', 'rose'], ['GET']] as const

test('lists of consumers', async () => {
  expect(await statusesOf({ whitelist: ['jack'] }, each)).toEqual([200, 403, 401])
  expect(await statusesOf({ blacklist: ['jack'], rejected_code: 404 }, each)).toEqual([404, 200, 401])
  expect(await statusesOf({ whitelist: ['jack'], blacklist: ['jack'] }, each)).toEqual([403, 403, 401])
})

test('methods of some', async () => {
  const limits = { allowed_by_methods: [{ user: 'rose', methods: ['GET', 'POST'] }] }
  const asked = [['DELETE', 'jack'], ['GET', 'rose'], ['POST', 'rose'], ['DELETE', 'rose'], ['GET']] as const
  expect(await statusesOf(limits, asked)).toEqual([200, 200, 200, 403, 401])
  expect(await statusesOf({ ...limits, whitelist: ['jack'] }, asked)).toEqual([200, 403, 403, 403, 401])
  expect(await statusesOf({ ...limits, whitelist: ['rose'] }, asked)).toEqual([403, 200, 200, 200, 401])
})

test('groups, routes, services', async () => {
  expect(await statusesOf({ type: 'consumer_group_id', whitelist: ['team'] }, each)).toEqual([200, 401, 401])
  expect(await statusesOf({ type: 'route_id', whitelist: ['r'] }, each)).toEqual([200, 200, 403])
  expect(await statusesOf({ type: 'service_id', blacklist: ['s'] }, each)).toEqual([403, 403, 401])
})

test('on a consumer, which it keeps to some routes', async () => {
  const only = { type: 'route_id', whitelist: ['mine'], rejected_msg: 'elsewhere' }
  const gateway = await startGateway({
    consumers: [{ username: 'jack', plugins: { 'key-auth': { key: 'jack' }, 'consumer-restriction': only } }],
    routes: ['mine', 'other'].map((id) => ({ id, uri: `/${id}`, upstream_id: 'echo', plugins: { 'key-auth': {} } })),
  })
  onTestFinished(() => gateway.close())
  const headers = { apikey: 'jack' }
  expect((await gateway.fetch('/mine', { headers })).status).toBe(200)
  const refused = await gateway.fetch('/other', { headers })
  expect([refused.status, refused.json()]).toEqual([403, { message: 'elsewhere' }])
})

test('a configuration without a list is refused', () => {
  expect(problemsOf(plugin, {})).toEqual([expect.stringContaining('needs one of')])
  expect(problemsOf(plugin, { whitelist: [] })).toHaveLength(1)
  expect(problemsOf(plugin, { allowed_by_methods: [{ user: 'a', methods: ['FETCH'] }] })).toHaveLength(1)
})
