import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const route = (uri: string, config: object, more: object = {}): object => ({
  uri,
  upstream_id: 'echo',
  plugins: { 'client-control': config, ...more },
})

describe('client-control', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      routes: [route('/five', { max_body_size: 5 }), route('/any', { max_body_size: 0 }), route('/unset', {})],
    })
  })
  afterAll(() => gateway.close())

  const post = async (path: string, body: string, headers: Record<string, string> = {}): Promise<number> =>
    (await gateway.fetch(path, { method: 'POST', body, headers })).status

  it.each([
    ['/five', 0, 200],
    ['/five', 5, 200],
    ['/five', 6, 413],
    ['/five', 1_000_000, 413],
    ['/any', 100_000, 200],
    ['/unset', 100_000, 200],
  ])('%s with %i bytes is answered %i, with a length and in chunks', async (path, size, status) => {
    const body = 'x'.repeat(size)
    expect(await post(path, body)).toBe(status)
    expect(await post(path, body, { 'transfer-encoding': 'chunked' })).toBe(status)
  })

  it('leaves requests without a body alone', async () => {
    expect((await gateway.fetch('/five')).status).toBe(200)
  })

  it.each([[{ max_body_size: -1 }], [{ max_body_size: 1.5 }], [{ max_body_size: '5' }], [{ size: 5 }]])(
    'refuses %j',
    async (config) => {
      await expect(gateway.update({ routes: [route('/x', config)] })).rejects.toThrow('client-control')
    },
  )
})
