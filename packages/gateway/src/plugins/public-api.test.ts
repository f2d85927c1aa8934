import { expect, onTestFinished, test } from 'vitest'
import { startGateway } from '../testing/start-gateway.ts'
import { Type } from '../schema/type.ts'
import { definePlugin, type PluginDefinition } from './definition.ts'

let made = 0
const clock = definePlugin({
  name: 'clock',
  priority: 1,
  schema: Type.Object({}),
  metadataSchema: Type.Object({ zone: Type.String({ default: 'UTC' }) }),
  apis: [
    {
      uri: '/apisix/clock',
      methods: ['GET', 'POST'],
      create: ({ metadata, scope }) => {
        made++
        return (session) => session.respond(200, { zone: (metadata as { zone: string }).zone, scope })
      },
    },
  ],
  create: () => ({}),
}) as unknown as PluginDefinition

const routes = [
  { uri: '/time', plugins: { 'public-api': { uri: '/apisix/clock' } } },
  { uri: '/apisix/*', plugins: { 'public-api': {} } },
]

test('a route leads to what a plugin answers, by its own path or another one', async () => {
  made = 0
  const gateway = await startGateway({ routes }, [clock])
  onTestFinished(() => gateway.close())
  const expected = { zone: 'UTC', scope: 'plugin_metadata/clock' }
  expect((await gateway.fetch('/time')).json()).toEqual(expected)
  expect((await gateway.fetch('/apisix/clock', { method: 'POST' })).json()).toEqual(expected)
  expect(made).toBe(1)
  expect((await gateway.fetch('/apisix/clock', { method: 'DELETE' })).status).toBe(404)
  expect((await gateway.fetch('/apisix/nothing')).status).toBe(404)
  expect(gateway.echo.requests).toEqual([])
  await gateway.update({ routes, plugin_metadata: [{ id: 'clock', zone: 'JST' }] })
  expect((await gateway.fetch('/time')).json()).toMatchObject({ zone: 'JST' })
})

test('without such a route nobody reaches it, and neither where the node does not allow the plugin', async () => {
  const open = await startGateway({ routes: [{ uri: '/*', upstream_id: 'echo' }] }, [clock])
  onTestFinished(() => open.close())
  expect((await open.fetch('/apisix/clock')).body).not.toContain('UTC')
  const closed = await startGateway({ plugins: ['public-api'], routes }, [clock])
  onTestFinished(() => closed.close())
  expect((await closed.fetch('/time')).status).toBe(404)
})

test('the metrics of the node are one of them', async () => {
  const gateway = await startGateway({ routes: [{ uri: '/apisix/prometheus/metrics', plugins: { 'public-api': {} } }] })
  onTestFinished(() => gateway.close())
  const { status, headers, body } = await gateway.fetch('/apisix/prometheus/metrics')
  expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  expect(body).toContain('# TYPE sekisho_')
})
