/* eslint-disable typescript/no-explicit-any -- events and answers are looked into as a function would */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEcho, type EchoUpstream } from '../testing/echo-upstream.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import awsLambda from './aws-lambda.ts'
import { problemsOf } from './testing/mounted.ts'

let api: EchoUpstream
let gateway: TestGateway

beforeAll(async () => {
  api = await startEcho()
  const function_uri = `http://127.0.0.1:${api.port}/prod`
  const route = (id: string, config: object, uri = `/${id}`) => ({
    id,
    uri,
    plugins: { 'aws-lambda': { function_uri, ...config } },
  })
  gateway = await startGateway({
    routes: [
      route('plain', {}),
      route('below', {}, '/below/*'),
      route('key', { authorization: { apikey: 'k', iam: { accesskey: 'A', secretkey: 'S' } } }),
      route('signed', { authorization: { iam: { accesskey: 'AKID', secretkey: 'S', aws_region: 'eu-west-1' } } }),
      route('small', { max_req_body_size: 3 }),
      route('away', { function_uri: 'http://127.0.0.1:1/' }),
      route('status', { function_uri: `http://127.0.0.1:${api.port}/status/404` }),
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await api.close()
})

describe('aws-lambda', () => {
  it('sends the request on', async () => {
    const answer = await gateway.fetch('/plain?a=1&a=2', { method: 'PUT', body: 'body', headers: { 'x-a': 'b' } })
    expect(answer.json()).toMatchObject({
      method: 'PUT',
      url: '/prod?a=1&a=2',
      body: 'body',
      headers: { host: `127.0.0.1:${api.port}`, 'x-a': 'b', 'x-forwarded-for': '127.0.0.1' },
    })
    expect((await gateway.fetch('/status')).status).toBe(404)
  })

  it('adds the rest of the path', async () => {
    expect((await gateway.fetch('/below/x%20y/z?q')).json()).toMatchObject({ url: '/prod/x%20y/z?q' })
    // What leaves the folder is no longer of this route.
    expect((await gateway.fetch('/below/..%2fsecret')).status).toBe(404)
  })

  it('shows an API key, unless the client has one: then it signs', async () => {
    expect((await gateway.fetch('/key')).json()).toMatchObject({ headers: { 'x-api-key': 'k' } })
    const own: any = (await gateway.fetch('/key', { headers: { 'x-api-key': 'mine' } })).json()
    expect(own.headers['x-api-key']).toBe('mine')
    expect(own.headers.authorization).toContain('Credential=A/')
  })

  it('signs, unless the client did', async () => {
    const signed: any = (await gateway.fetch('/signed', { method: 'POST', body: 'x' })).json()
    expect(signed.headers.authorization).toMatch(/Credential=AKID\/\d{8}\/eu-west-1\/execute-api\/aws4_request/)
    expect(signed.headers['x-amz-content-sha256']).toMatch(/^2d711642b726/)
    const own: any = (await gateway.fetch('/signed', { headers: { authorization: 'mine' } })).json()
    expect(own.headers.authorization).toBe('mine')
  })

  it('has limits', async () => {
    expect((await gateway.fetch('/small', { method: 'POST', body: 'four' })).status).toBe(413)
    expect((await gateway.fetch('/away')).status).toBe(503)
  })

  it.each([{}, { function_uri: 'x' }, { function_uri: 'http://a b' }, { function_uri: 'https://a', timeout: 1 }])(
    'refuses %j',
    (config) => {
      expect(problemsOf(awsLambda, config)).toHaveLength(1)
    },
  )
})
