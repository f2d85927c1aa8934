import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

/** What plugins keep of a request must not be mixed up where one stands in a global rule and on the route too. */
describe('a plugin in a global rule and on the route', () => {
  let gateway: TestGateway
  const copies: string[] = []
  const mirror = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      copies.push(`${request.url} ${body}`)
      response.end()
    })
  })
  beforeAll(async () => {
    await once(mirror.listen(0, '127.0.0.1'), 'listening')
    const host = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`
    const compression = { gzip: { types: '*', min_length: 1 }, brotli: { types: '*', min_length: 1 } }
    const oneAtATime = {
      rules: [{ actions: [['limit-conn', { conn: 1, burst: 0, default_conn_delay: 0.1, key: 'uri' }]] }],
    }
    const route = (uri: string, plugins: object) => ({ uri, upstream_id: 'echo', plugins })
    gateway = await startGateway({
      routes: [
        route('/compressed', compression),
        route('/limited', { 'client-control': { max_body_size: 100 } }),
        route('/flow', { workflow: oneAtATime }),
        route('/mirrored', { 'proxy-mirror': { host, path: '/route' } }),
      ],
      global_rules: [
        {
          id: 'all',
          plugins: {
            ...compression,
            'client-control': { max_body_size: 10_000 },
            workflow: oneAtATime,
            'proxy-mirror': { host, path: '/global' },
          },
        },
      ],
    })
  })
  afterAll(async () => {
    await gateway.close()
    mirror.close()
    mirror.closeAllConnections()
  })

  it.each([
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
  ] as const)('compresses once: %s', async (coding, decode) => {
    const answer = await gateway.fetch('/compressed', { headers: { 'accept-encoding': coding } })
    expect(answer.headers['content-encoding']).toBe(coding)
    expect(JSON.parse(decode(answer.bytes).toString())).toMatchObject({ url: '/compressed' })
  })

  it('counts the bytes of a body once', async () => {
    const send = async (bytes: number) =>
      (
        await gateway.fetch('/limited', {
          method: 'POST',
          body: 'x'.repeat(bytes),
          headers: { 'transfer-encoding': 'chunked' },
        })
      ).status
    expect([await send(100), await send(101)]).toEqual([200, 413])
  })

  it('gives back what both limits of connections took, each its own', async () => {
    for (let times = 0; times < 3; times++) expect((await gateway.fetch('/flow')).status).toBe(200)
    const slow = ['/flow', '/flow', '/flow'].map((path) => gateway.fetch(path))
    const statuses = (await Promise.all(slow)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0)
    expect((await gateway.fetch('/flow')).status).toBe(200)
  })

  it('sends each mirror its copy', async () => {
    copies.length = 0
    expect((await gateway.fetch('/mirrored', { method: 'POST', body: 'a body' })).status).toBe(200)
    await expect.poll(() => copies.toSorted()).toEqual(['/global a body', '/route a body'])
  })
})
