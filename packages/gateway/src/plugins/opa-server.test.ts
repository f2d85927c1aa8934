import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { opaProgram, type RunningOpa, startOpa } from './opa/testing/start-opa.ts'

const POLICY = `package shop.orders

default allow := false

allow if {
	input.request.method == "GET"
	input.request.headers["x-team"] == "a"
	input.request.query.page == "2"
}

allow if input.consumer.username == "jack"

headers["X-Role"] := "reader" if allow

reason := {"why": "readers may not delete"} if input.request.method == "DELETE"

status_code := 405 if input.request.method == "DELETE"

headers["X-Why"] := "method" if input.request.method == "DELETE"
`

describe.skipIf(opaProgram === undefined)('a real Open Policy Agent (needs opa)', () => {
  let agent: RunningOpa
  let gateway: TestGateway

  const update = (policy: string): Promise<void> =>
    gateway.update({
      consumers: [{ username: 'jack', plugins: { 'key-auth': { key: 'k3y' } } }],
      routes: ['open', 'known'].map((id) => ({
        id,
        uri: `/${id}`,
        upstream_id: 'echo',
        plugins: {
          ...(id === 'known' ? { 'key-auth': {} } : {}),
          opa: {
            host: agent.url,
            policy,
            with_consumer: true,
            timeout: 1_000,
            send_headers_upstream: ['X-Role'],
          },
        },
      })),
    })
  const upstreamRole = (answer: { json(): unknown }): string | undefined =>
    (answer.json() as { headers: Record<string, string> }).headers['x-role']

  beforeAll(async () => {
    agent = await startOpa(POLICY)
    gateway = await startGateway({})
  })
  afterAll(async () => {
    await gateway.close()
    await agent.stop()
  })

  it('decides by what the request is, and tells the upstream', async () => {
    await update('shop/orders')
    const allowed = await gateway.fetch('/open?page=2', { headers: { 'X-Team': 'a', 'X-Role': 'owner' } })
    expect([allowed.status, upstreamRole(allowed)]).toEqual([200, 'reader'])
    expect((await gateway.fetch('/open?page=3', { headers: { 'X-Team': 'a' } })).status).toBe(403)
    expect((await gateway.fetch('/open?page=2')).status).toBe(403)
  })

  it('decides by who calls', async () => {
    await update('shop/orders')
    expect((await gateway.fetch('/known', { headers: { apikey: 'k3y' } })).status).toBe(200)
    expect((await gateway.fetch('/open')).status).toBe(403)
  })

  it('says how a request is refused', async () => {
    await update('shop/orders')
    const refused = await gateway.fetch('/open', { method: 'DELETE' })
    expect([refused.status, refused.headers['x-why'], refused.json()]).toEqual([
      405,
      'method',
      { why: 'readers may not delete' },
    ])
  })

  it('has no policy of that name: nothing is let through', async () => {
    await update('shop/nothing')
    expect((await gateway.fetch('/open?page=2', { headers: { 'X-Team': 'a' } })).status).toBe(503)
  })

  it('is frozen: nothing is let through', async () => {
    await update('shop/orders')
    agent.freeze()
    expect((await gateway.fetch('/open?page=2', { headers: { 'X-Team': 'a' } })).status).toBe(403)
  })
})
