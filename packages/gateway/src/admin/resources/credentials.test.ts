import { beforeEach, expect, test } from 'vitest'
import { type AdminTester, adminTester, VIEWER_KEY } from '../testing/admin-tester.ts'

let api: AdminTester
beforeEach(async () => {
  api = await adminTester()
  await api.ask('PUT', '/consumers/jack', { plugins: { 'key-auth': { key: 'own' } } })
})

const credential = (key: string) => ({ plugins: { 'key-auth': { key } } })

test('PUT, GET, DELETE', async () => {
  const made = await api.ask('PUT', '/consumers/jack/credentials/phone', credential('one'))
  expect(made.status).toBe(201)
  expect(made.body).toEqual({
    key: '/apisix/consumers/jack/credentials/phone',
    value: { id: 'phone', ...credential('***'), create_time: expect.any(Number), update_time: expect.any(Number) },
  })
  expect((await api.ask('PUT', '/consumers/jack/credentials/phone', credential('two'))).status).toBe(200)
  await api.ask('PUT', '/consumers/jack/credentials', { id: 'desk', ...credential('three') })
  const list = await api.ask('GET', '/consumers/jack/credentials')
  expect(list.body.total).toBe(2)
  expect((await api.ask('GET', '/consumers/jack/credentials/phone')).body.value.plugins['key-auth'].key).toBe('***')
  expect((await api.ask('GET', '/configs?secrets=true')).body.consumers[0].credentials.phone).toMatchObject(
    credential('two'),
  )
  const gone = await api.ask('DELETE', '/consumers/jack/credentials/phone')
  expect(gone.body).toEqual({ deleted: '1', key: '/apisix/consumers/jack/credentials/phone' })
  expect((await api.ask('GET', '/consumers/jack/credentials/phone')).status).toBe(404)
  expect((await api.ask('DELETE', '/consumers/jack/credentials/phone')).status).toBe(404)
})

test('a PUT of the consumer leaves them; a DELETE takes them along', async () => {
  await api.ask('PUT', '/consumers/jack/credentials/phone', credential('one'))
  const put = await api.ask('PUT', '/consumers/jack', { desc: 'new' })
  expect(put.body.value).not.toHaveProperty('credentials')
  expect((await api.ask('GET', '/consumers/jack/credentials')).body.total).toBe(1)
  expect((await api.ask('GET', '/configs')).body.consumers[0].credentials.phone.plugins).toBeDefined()
  await api.ask('DELETE', '/consumers/jack')
  expect((await api.ask('GET', '/consumers/jack/credentials')).status).toBe(404)
})

test.each([
  ['/consumers/rose/credentials/a', credential('x'), 404, 'consumer not found'],
  ['/consumers/jack/credentials/a', { plugins: { cors: {} } }, 400, 'only supports auth type plugins'],
  ['/consumers/jack/credentials/a', { plugins: {} }, 400, '/plugins: a credential has one plugin'],
  ['/consumers/jack/credentials/a', credential('own'), 400, 'is the key at /plugins/key-auth/key of this consumer'],
  ['/consumers/jack/credentials/a', { plugins: { 'key-auth': {} } }, 400, '/plugins/key-auth: "key" is missing'],
  ['/consumers/jack/credentials/a%20b', credential('x'), 400, 'is no id of a credential'],
  ['/consumers/jack/credentials/a', { id: 'b', ...credential('x') }, 400, 'wrong credential id'],
  ['/consumers/jack/credentials', credential('x'), 400, 'missing credential id'],
])('PUT %s %j', async (path, body, status, words) => {
  const answer = await api.ask('PUT', path, body)
  expect([answer.status, answer.body.error_msg]).toEqual([status, expect.stringContaining(words)])
})

test('nobody else may have the same key', async () => {
  await api.ask('PUT', '/consumers/jack/credentials/phone', credential('one'))
  const { status, body } = await api.ask('PUT', '/consumers/rose', { plugins: { 'key-auth': { key: 'one' } } })
  expect([status, body.error_msg]).toEqual([400, expect.stringContaining('consumer "jack" has the same key')])
})

test('POST and PATCH are not there, and viewers see no secrets', async () => {
  expect((await api.ask('POST', '/consumers/jack/credentials', credential('x'))).status).toBe(405)
  await api.ask('PUT', '/consumers/jack/credentials/phone', credential('secret-one'))
  const seen = await api.ask('GET', '/consumers/jack/credentials', undefined, { 'x-api-key': VIEWER_KEY })
  expect(seen.text).toContain('"key":"***"')
  expect(JSON.stringify(api.audited)).not.toContain('secret-one')
})
