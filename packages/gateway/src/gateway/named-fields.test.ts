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

it('takes out what it names of the client', async () => {
  expect(await upstreamFields('close, X-Mine')).not.toHaveProperty('x-mine')
  expect(await upstreamFields('close')).toHaveProperty('x-mine', '1')
})
