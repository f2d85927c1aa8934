import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MetricsServer } from './metrics-server.ts'

let ready = false
let server: MetricsServer
let base = ''

beforeEach(async () => {
  ready = false
  server = new MetricsServer({
    target: { host: '127.0.0.1', port: 0 },
    render: () => 'm 1\n',
    unready: () => (ready ? undefined : 'not all workers have their configuration'),
  })
  await server.listen()
  base = `http://127.0.0.1:${server.address.port}`
})
afterEach(() => server.close())

describe('MetricsServer', () => {
  test.each(['/metrics', '/apisix/prometheus/metrics', '/metrics?x=1'])('serves the metrics at %s', async (path) => {
    const response = await fetch(base + path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await response.text()).toBe('m 1\n')
  })

  test('/status says that it lives, /status/ready whether it serves', async () => {
    expect((await fetch(`${base}/status`)).status).toBe(200)
    expect((await fetch(`${base}/status/ready`)).status).toBe(503)
    ready = true
    const response = await fetch(`${base}/status/ready`)
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
  })

  test('anything else is not found, and only reading is allowed', async () => {
    expect((await fetch(`${base}/`)).status).toBe(404)
    expect((await fetch(`${base}/metrics/`)).status).toBe(404)
    const post = await fetch(`${base}/metrics`, { method: 'POST' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    const head = await fetch(`${base}/metrics`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  test('says so when its address is taken', async () => {
    const second = new MetricsServer({
      target: { host: '127.0.0.1', port: server.address.port },
      render: () => '',
      unready: () => undefined,
    })
    await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
