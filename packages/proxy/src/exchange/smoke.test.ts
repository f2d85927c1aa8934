import { afterEach, expect, test } from 'vitest'
import { RawUpstream, reply } from './testing/raw-upstream.ts'
import { startProxyTo } from './testing/proxy-harness.ts'
import { releaseAll } from './testing/resources.ts'
import { statusOf } from './testing/raw-client.ts'
afterEach(releaseAll)
test('plain', async () => {
  const up = await RawUpstream.answering((r) => reply('hello ' + r.line))
  const proxy = await startProxyTo(up.address)
  const client = await proxy.connect()
  const answer = await client.get('/x')
  expect(answer.body).toBe('hello GET /x HTTP/1.1')
  expect(statusOf(await client.get('/y'))).toBe(200)
  expect(up.connections.length).toBe(1)
})
test('connection close', async () => {
  const up = await RawUpstream.answering((r) => reply('bye', 'Connection: close\r\n'))
  const proxy = await startProxyTo(up.address)
  const client = await proxy.connect()
  expect((await client.get('/x')).body).toBe('bye')
}, 3000)
test('throws', async () => {
  const up = await RawUpstream.answering((r) => reply('bye'))
  const proxy = await startProxyTo(up.address, { responseFilter: () => { throw new Error('no') } })
  const client = await proxy.connect()
  expect(statusOf(await client.get('/x'))).toBe(500)
}, 3000)
