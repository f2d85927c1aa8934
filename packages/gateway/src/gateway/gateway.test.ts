import { afterAll, beforeAll, expect, test } from 'vitest'
import { definePlugin } from '../plugins/definition.ts'
import { Type } from '../schema/type.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const stamp = definePlugin({
  name: 'stamp',
  priority: 100,
  schema: Type.Object({ text: Type.String({ default: 'stamped' }) }),
  create: (config) => ({ headerFilter: (session) => session.response?.headers.append('x-stamp', config.text) }),
})

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ routes: [{ id: 'hello', uri: '/hello', upstream_id: 'echo' }] }, [stamp as never])
})
afterAll(() => gateway.close())

test('forwards to the upstream with the forwarding headers', async () => {
  const answer = await gateway.fetch('/hello?a=1', { headers: { 'X-Custom': 'Value' }, host: 'example.com' })
  expect(answer.status).toBe(200)
  const { url, headers } = answer.json() as { url: string; headers: Record<string, string> }
  expect(url).toBe('/hello?a=1')
  expect(headers).toMatchObject({
    host: 'example.com',
    'x-custom': 'Value',
    'x-real-ip': '127.0.0.1',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'example.com',
    'x-forwarded-port': String(gateway.port),
  })
})

test('answers 404 as APISIX does where no route matches', async () => {
  const answer = await gateway.fetch('/nothing')
  expect(answer.status).toBe(404)
  expect(answer.body).toBe('{"error_msg":"404 Route Not Found"}\n')
})

test('runs plugins of the route, the service and the global rules, each once', async () => {
  await gateway.update({
    services: [{ id: 's', upstream_id: 'echo', plugins: { stamp: { text: 'service' } } }],
    routes: [
      { id: 'own', uri: '/own', service_id: 's', plugins: { stamp: { text: 'route' } } },
      { id: 'inherits', uri: '/inherits', service_id: 's' },
      { id: 'off', uri: '/off', service_id: 's', plugins: { stamp: { _meta: { disable: true } } } },
      {
        id: 'filtered',
        uri: '/filtered',
        upstream_id: 'echo',
        plugins: { stamp: { _meta: { filter: [['arg_on', '==', '1']] } } },
      },
    ],
    global_rules: [{ id: 'g', plugins: { stamp: { text: 'global' } } }],
  })
  const stampOf = async (path: string): Promise<string | undefined> => (await gateway.fetch(path)).headers['x-stamp']
  expect(await stampOf('/own')).toBe('global, route')
  expect(await stampOf('/inherits')).toBe('global, service')
  expect(await stampOf('/off')).toBe('global')
  expect(await stampOf('/filtered')).toBe('global')
  expect(await stampOf('/filtered?on=1')).toBe('global, stamped')
  expect(await stampOf('/none')).toBe('global')
})

test('refuses a bad change whole, and goes on with the old one', async () => {
  await expect(gateway.update({ routes: [{ id: 'x', uri: 'no-slash', upstream_id: 'echo' }] })).rejects.toThrow(
    '/routes/0/uri',
  )
  expect((await gateway.fetch('/own')).status).toBe(200)
})
