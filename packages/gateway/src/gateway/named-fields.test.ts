import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

/** RFC 9110 section 7.6.1: a client names fields that are for us alone. It must not name those that we write. */
let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    consumers: [{ username: 'jo', labels: { department: 'sales' }, plugins: { 'key-auth': { key: 'k' } } }],
    routes: [
      {
        uri: '/*',
        upstream_id: 'echo',
        plugins: {
          'key-auth': {},
          'attach-consumer-label': { headers: { 'X-Department': '$department' } },
          'proxy-rewrite': { headers: { set: { 'X-Checked': 'yes' } } },
        },
      },
    ],
  })
})
afterAll(() => gateway.close())

async function upstreamFields(connection: string): Promise<Record<string, string>> {
  const socket = connect(gateway.port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const named = 'X-Mine: 1\r\nX-Department: forged\r\nX-Consumer-Username: forged\r\n'
  socket.write(`GET / HTTP/1.1\r\nHost: a\r\napikey: k\r\n${named}Connection: ${connection}\r\n\r\n`)
  await once(socket, 'close')
  return (JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as { headers: Record<string, string> }).headers
}

it.each(['close', 'close, X-Consumer-Username, x-department, X-CHECKED, x-real-ip', 'x-checked,,close ,X-Department'])(
  'Connection: %s',
  async (connection) => {
    const headers = await upstreamFields(connection)
    expect(headers).toMatchObject({
      'x-consumer-username': 'jo',
      'x-department': 'sales',
      'x-checked': 'yes',
      'x-real-ip': '127.0.0.1',
    })
  },
)

it('names that CGI would take for those of the caller are taken out', async () => {
  const headers = { X_Consumer_Username: 'forged', 'x_CONSUMER-custom_id': 'forged', X_Own: 'x', apikey: 'k' }
  const answer = await gateway.fetch('/', { headers })
  const got = (answer.json() as { headers: Record<string, string> }).headers
  expect(Object.keys(got).filter((name) => /consumer/i.test(name))).toEqual(['x-consumer-username'])
  expect(got).toMatchObject({ 'x-consumer-username': 'jo', x_own: 'x' })
})

it('takes out what it names of the client', async () => {
  expect(await upstreamFields('close, X-Mine')).not.toHaveProperty('x-mine')
  expect(await upstreamFields('close')).toHaveProperty('x-mine', '1')
})

it('of two callers who are recognised nothing of the first stays', async () => {
  const basic = { authorization: `Basic ${Buffer.from('ann:p').toString('base64')}` }
  await gateway.update({
    consumers: [
      {
        username: 'jo',
        labels: { custom_id: 'of-jo' },
        credentials: { one: { plugins: { 'key-auth': { key: 'k' } } } },
      },
      { username: 'ann', plugins: { 'basic-auth': { username: 'ann', password: 'p' } } },
    ],
    global_rules: [{ id: 'all', plugins: { 'key-auth': {} } }],
    routes: [{ uri: '/*', upstream_id: 'echo', plugins: { 'basic-auth': {} } }],
  })
  const answer = await gateway.fetch('/', { headers: { ...basic, apikey: 'k' } })
  const { headers } = answer.json() as { headers: Record<string, string> }
  expect(headers['x-consumer-username']).toBe('ann')
  expect(headers).not.toHaveProperty('x-consumer-custom-id')
  expect(headers).not.toHaveProperty('x-credential-identifier')
})
