import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, config: object): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'proxy-control': config },
})

describe('proxy-control', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      routes: [
        route('/whole', {}),
        route('/through', { request_buffering: false }),
        route('/ten', { max_buffered_bytes: 10 }),
      ],
    })
  })
  afterAll(() => gateway.close())

  /** Sends half of a body, and the rest when `between` is over. */
  async function halves(port: number, path: string, between: () => Promise<void>): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    socket.setEncoding('utf8')
    let text = ''
    socket.on('data', (piece: string) => (text += piece))
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab`)
    await between()
    socket.end('cd')
    await once(socket, 'close')
    return text
  }

  it.each([
    ['/whole', false],
    ['/through', true],
  ])('%s: the upstream is asked while the body comes: %s', async (path, early) => {
    const heads: string[] = []
    const upstream = createServer((request, response) => {
      heads.push(request.url ?? '')
      request.resume().on('end', () => response.end(`all of ${request.url}`))
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    const to = { upstream: { nodes: { [`127.0.0.1:${(upstream.address() as AddressInfo).port}`]: 1 } } }
    const other = await startGateway({
      routes: [
        { uri: '/whole', plugins: { 'proxy-control': {} }, ...to },
        { uri: '/through', plugins: { 'proxy-control': { request_buffering: false } }, ...to },
        { uri: '/later', ...to },
      ],
    })
    try {
      const text = await halves(other.port, path, async () => {
        // What came before this one has been read, too.
        await other.fetch('/later')
        if (early) await expect.poll(() => heads).toContain(path)
        else expect(heads).toEqual(['/later'])
      })
      expect(text).toContain(`all of ${path}`)
    } finally {
      await other.close()
      upstream.closeAllConnections()
      await new Promise((resolve) => upstream.close(resolve))
    }
  })

  it('keeps bodies up to its limit', async () => {
    const post = (body: string, headers: Record<string, string> = {}) =>
      gateway.fetch('/ten', { method: 'POST', body, headers })
    const chunked = { 'transfer-encoding': 'chunked' }
    expect((await post('0123456789')).json()).toMatchObject({ body: '0123456789' })
    expect((await post('0123456789', chunked)).json()).toMatchObject({ body: '0123456789' })
    expect((await post('0123456789+')).json()).toMatchObject({ body: '0123456789+' })
    expect((await post('0123456789+', chunked)).status).toBe(413)
  })

  it('leaves bodies alone where it is told to', async () => {
    const chunked = { 'transfer-encoding': 'chunked' }
    const answer = await gateway.fetch('/through', { method: 'POST', body: 'x', headers: chunked })
    expect(answer.json()).toMatchObject({ headers: { 'transfer-encoding': 'chunked' } })
  })

  it.each([[{ request_buffering: 'on' }], [{ max_buffered_bytes: 0 }], [{ buffering: true }]])(
    'refuses %j',
    async (config) => {
      await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow('proxy-control')
    },
  )
})
