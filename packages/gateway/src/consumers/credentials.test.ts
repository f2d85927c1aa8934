import { expect, onTestFinished, test } from 'vitest'
import { startGateway } from '../testing/start-gateway.ts'

const document = (consumers: object[]) => ({
  consumers,
  routes: [{ uri: '/*', upstream_id: 'echo', plugins: { 'key-auth': {} } }],
})
const key = (value: string) => ({ plugins: { 'key-auth': { key: value } } })

test('each credential lets its consumer in, and the upstream is told which it was', async () => {
  const jack = { username: 'jack', ...key('own'), credentials: { phone: key('one'), desk: key('two') } }
  const gateway = await startGateway(document([jack]))
  onTestFinished(() => gateway.close())
  const ask = async (apikey: string) => {
    const headers = { apikey, 'x-credential-identifier': 'forged' }
    const { status, body } = await gateway.fetch('/', { headers })
    if (status !== 200) return status
    const seen = (JSON.parse(body) as { headers: Record<string, string> }).headers
    return [seen['x-consumer-username'], seen['x-credential-identifier']]
  }
  expect(await ask('own')).toEqual(['jack', undefined])
  expect(await ask('one')).toEqual(['jack', 'phone'])
  expect(await ask('two')).toEqual(['jack', 'desk'])
  await gateway.update(document([{ ...jack, credentials: { desk: key('three') } }]))
  expect([await ask('one'), await ask('two')]).toEqual([401, 401])
  expect(await ask('three')).toEqual(['jack', 'desk'])
  await gateway.update(document([]))
  expect([await ask('own'), await ask('three')]).toEqual([401, 401])
})
