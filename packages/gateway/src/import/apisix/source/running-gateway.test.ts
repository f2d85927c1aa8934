import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { importRunningApisix } from '../index.ts'
import { readRunningGateway } from './running-gateway.ts'

let server: Server | undefined
afterEach(async () => {
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)))
  server = undefined
})

/** An Admin API that knows these paths, and asks for a key. */
async function gateway(paths: Readonly<Record<string, unknown>>): Promise<string> {
  server = createServer((request, response) => {
    const path = request.url?.replace('/apisix/admin', '') ?? ''
    const known = request.headers['x-api-key'] === 'k1'
    response.statusCode = known ? (path in paths ? 200 : 404) : 401
    response.end(
      JSON.stringify(known ? (paths[path] ?? { message: 'Key not found' }) : { error_msg: 'failed to check token' }),
    )
  })
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const item = (key: string, value: object): object => ({
  key: `/apisix/${key}`,
  value,
  createdIndex: 1,
  modifiedIndex: 1,
})
const list = (...items: readonly object[]): object => ({ total: items.length, list: items })

it('asks for all lists, credentials, and metadata one by one', async () => {
  const address = await gateway({
    '/routes': list(item('routes/1', { id: '1', uri: '/a', upstream_id: 'u', plugins: { zipkin: {} } })),
    '/upstreams': list(item('upstreams/u', { id: 'u', type: 'roundrobin', nodes: { '127.0.0.1:80': 1 } })),
    '/consumers': list(item('consumers/jack', { username: 'jack' })),
    '/consumers/jack/credentials': list(
      item('consumers/jack/credentials/c1', { id: 'c1', plugins: { 'key-auth': { key: 'a' } } }),
    ),
    '/plugin_metadata/limit-count': item('plugin_metadata/limit-count', { limit_header: 'X-L' }),
  })
  const result = await importRunningApisix(address, 'k1')
  expect(result).toMatchObject({
    yaml: expect.stringMatching(
      /consumers:\n {2}- username: jack\n {4}credentials:\n {6}c1:\n {8}plugins:\n {10}key-auth: \{ key: a \}/,
    ),
    findings: [{ file: address, line: 0, path: '/routes/1/plugins/zipkin', kind: 'not carried over' }],
  })
  expect(result).toMatchObject({ yaml: expect.stringContaining('limit_header: X-L') })
})

it.each([
  [undefined, /answers with 401: give its admin key by --admin-key/],
  ['k2', /answers with 401: it does not know this key/],
])('with the key %s: says what is missing', async (key, message) => {
  const address = await gateway({})
  expect(await readRunningGateway(address, key, [])).toEqual({ failure: expect.stringMatching(message) })
})

it('tells what is no Admin API, and nobody at all', async () => {
  const address = await gateway({ '/ssls': 'hello' })
  expect(await readRunningGateway(address, 'k1', [])).toEqual({
    failure: `${address}/apisix/admin answers, and not as the Admin API of APISIX does`,
  })
  await new Promise((resolve) => server!.close(resolve))
  server = undefined
  expect(await readRunningGateway(address, 'k1', [])).toEqual({
    failure: `${address}/apisix/admin cannot be asked: nothing listens there`,
  })
})
