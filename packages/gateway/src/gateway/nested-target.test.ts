import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { definePlugin } from '../plugins/definition.ts'
import type { PluginDefinition } from '../plugins/definition.ts'
import { Type } from '../schema/type.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import type { UpstreamNodes } from '../resources/upstream.ts'

/** Sends requests to its upstream, or that of an id, when they say so. */
const detour = definePlugin({
  name: 'detour',
  priority: 1,
  schema: Type.Object({
    upstream: Type.Optional(Type.Object({ nodes: Type.Record(Type.String(), Type.Integer()) })),
    upstream_id: Type.Optional(Type.String()),
  }),
  uses: (config) => ({ upstreams: [nested(config)] }),
  create(config, context) {
    const choice = context.upstream(nested(config))
    return {
      access(session) {
        const { ctx } = session
        if (session.request.headers.has('x-detour')) ctx.chosen = choice.at(ctx.plan?.route.timeout)
      },
    }
  },
}) as unknown as PluginDefinition

const nested = (config: { upstream?: { nodes: UpstreamNodes }; upstream_id?: string }) =>
  config.upstream === undefined
    ? { path: '/upstream_id', upstreamId: config.upstream_id }
    : { path: '/upstream', upstream: config.upstream }

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function answering(text: string): Promise<string> {
  const server = createServer((_request, response) => response.end(text))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function start(document: object): Promise<TestGateway> {
  const gateway = await startGateway(document, [detour])
  closing.unshift(() => gateway.close())
  return gateway
}

const bodyOf = async (gateway: TestGateway, headers: Record<string, string> = { 'X-Detour': '1' }): Promise<string> => {
  const { status, body } = await gateway.fetch('/', { headers })
  return `${status} ${body}`
}

describe('an upstream that a plugin chooses', () => {
  test('takes the place of the route\u2019s for the requests that it is chosen for', async () => {
    const own = await answering('own')
    const other = await answering('other')
    const plugins = { detour: { upstream: { nodes: { [other]: 1 } } } }
    const gateway = await start({ routes: [{ id: 'r', uri: '/*', upstream: { nodes: { [own]: 1 } }, plugins }] })
    expect(await bodyOf(gateway)).toBe('200 other')
    expect(await bodyOf(gateway, {})).toBe('200 own')
  })

  test('does for a route that has none', async () => {
    const other = await answering('other')
    const gateway = await start({
      routes: [{ id: 'r', uri: '/*', plugins: { detour: { upstream: { nodes: { [other]: 1 } } } } }],
    })
    expect(await bodyOf(gateway)).toBe('200 other')
    expect((await gateway.fetch('/')).status).toBe(503)
  })

  test('named by its id is as it is now', async () => {
    const [a, b] = [await answering('a'), await answering('b')]
    const document = (node: string) => ({
      upstreams: [{ id: 'named', nodes: { [node]: 1 } }],
      routes: [{ id: 'r', uri: '/*', upstream_id: 'echo', plugins: { detour: { upstream_id: 'named' } } }],
    })
    const gateway = await start(document(a))
    expect(await bodyOf(gateway)).toBe('200 a')
    await gateway.update(document(b))
    expect(await bodyOf(gateway)).toBe('200 b')
  })

  test('must be there', async () => {
    const gateway = await start({ routes: [] })
    const missing = { routes: [{ id: 'r', uri: '/*', plugins: { detour: { upstream_id: 'none' } } }] }
    await expect(gateway.update(missing)).rejects.toThrow(/none/)
  })

  test('without nodes is answered as any without', async () => {
    const gateway = await start({
      routes: [{ id: 'r', uri: '/*', upstream_id: 'echo', plugins: { detour: { upstream: { nodes: {} } } } }],
    })
    expect(await bodyOf(gateway)).toContain('503')
  })
})
