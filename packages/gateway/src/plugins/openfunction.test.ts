import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEcho, type EchoUpstream } from '../testing/echo-upstream.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import openFunction from './openfunction.ts'
import { problemsOf } from './testing/mounted.ts'

let api: EchoUpstream
let gateway: TestGateway

beforeAll(async () => {
  api = await startEcho()
  const function_uri = `http://127.0.0.1:${api.port}/default/hello`
  const route = (id: string, config: object, uri = `/${id}`) => ({
    id,
    uri,
    plugins: { openfunction: { function_uri, ...config } },
  })
  gateway = await startGateway({
    routes: [
      route('open', {}),
      route('token', { authorization: { service_token: 'test:s3' } }, '/token/*'),
      route('away', { function_uri: 'http://127.0.0.1:1/' }),
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await api.close()
})

describe('openfunction', () => {
  it('sends the request on, with the rest of the path', async () => {
    const answer = await gateway.fetch('/token/jo?a=1', { method: 'POST', body: 'body' })
    expect(answer.json()).toMatchObject({
      method: 'POST',
      url: '/default/hello/jo?a=1',
      body: 'body',
      headers: { host: `127.0.0.1:${api.port}`, authorization: 'Basic dGVzdDpzMw==' },
    })
  })

  it('shows its token in place of what the client shows, and without one leaves that alone', async () => {
    const headers = { authorization: 'Bearer mine' }
    expect((await gateway.fetch('/token/x', { headers })).json()).toMatchObject({
      headers: { authorization: 'Basic dGVzdDpzMw==' },
    })
    expect((await gateway.fetch('/open', { headers })).json()).toMatchObject({ headers })
  })

  it('answers 503 for a function that is away', async () => {
    expect((await gateway.fetch('/away')).status).toBe(503)
  })

  it.each([{}, { function_uri: 'ftp://a' }, { function_uri: 'https://a', timeout: 1 }])('refuses %j', (config) => {
    expect(problemsOf(openFunction, config)).toHaveLength(1)
  })
})
