import { hostname } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

describe('node-status', () => {
  let gateway: TestGateway
  const routes = [
    { uri: '/status', plugins: { 'public-api': { uri: '/apisix/status' } } },
    { uri: '/*', upstream_id: 'echo', plugins: { 'node-status': {} } },
  ]
  beforeAll(async () => {
    gateway = await startGateway({ routes })
  })
  afterAll(() => gateway.close())

  it('tells how many requests there were', async () => {
    const total = async (): Promise<number> => {
      const answer = await gateway.fetch('/status')
      expect(answer.json()).toMatchObject({
        id: hostname(),
        status: { active: expect.stringMatching(/^\d+$/) as string },
      })
      return Number((answer.json() as { status: { total: string } }).status.total)
    }
    const before = await total()
    await gateway.fetch('/a')
    await gateway.fetch('/b')
    expect(await total()).toBe(before + 3)
  })

  it('has no options', async () => {
    await expect(gateway.update({ routes: [{ uri: '/', plugins: { 'node-status': { a: 1 } } }] })).rejects.toThrow(
      'node-status',
    )
  })
})
