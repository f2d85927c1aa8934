import { verifyRequest } from '@sekisho/functions/signature'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FakeLambda, type ReceivedCall } from '../functions/testing/fake-lambda.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import lambdaPlugin from './lambda.ts'
import { problemsOf } from './testing/mounted.ts'

let lambda: FakeLambda
let gateway: TestGateway
const iam = { accesskey: 'AKID', secretkey: 'secret', session_token: 'token' }

beforeAll(async () => {
  lambda = await FakeLambda.start({
    hello: (event) => ({ statusCode: 200, headers: { 'x-format': event.version ?? 'none' }, body: 'hello' }),
    'arn:aws:lambda:eu-west-1:123456789012:function:other': () => ({ statusCode: 200, body: 'by ARN' }),
  })
  const { endpoint } = lambda
  const route = (id: string, config: object) => ({ id, uri: `/${id}`, plugins: { lambda: { endpoint, ...config } } })
  gateway = await startGateway({
    routes: [
      {
        ...route('a', { function_name: 'hello' }),
        plugins: { lambda: { function_name: 'hello', endpoint }, cors: {} },
      },
      route('queued', { function_name: 'hello', invocation_type: 'Event', authorization: { iam } }),
      route('signed', { function_name: 'hello', region: 'eu-west-1', authorization: { iam } }),
      route('arn', { function_name: 'arn:aws:lambda:eu-west-1:123456789012:function:other:7' }),
      { id: 'nobody', uri: '/nobody', plugins: { lambda: { function_name: 'hello' } } },
      // Over an upstream that the route has as well.
      { id: 'over', uri: '/over', upstream_id: 'echo', plugins: { lambda: { function_name: 'hello', endpoint } } },
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await lambda.close()
})

describe('lambda', () => {
  it.each(['/a', '/over'])('answers a route: %s', async (path) => {
    const answer = await gateway.fetch(path)
    expect([answer.status, answer.body, answer.headers['x-format']]).toEqual([200, 'hello', '2.0'])
  })

  it('lets other plugins work on the answer', async () => {
    expect((await gateway.fetch('/a')).headers).toHaveProperty('access-control-allow-origin', '*')
  })

  it.each([
    ['signed', 'eu-west-1'],
    ['queued', 'us-east-1'],
  ])('signs its calls: %s', async (route, region) => {
    await gateway.fetch(`/${route}`)
    const { headers, path, event } = lambda.calls.at(-1) as ReceivedCall
    const request = {
      method: 'POST',
      path,
      query: '',
      headers: Object.entries(headers) as [string, string][],
      body: Buffer.from(JSON.stringify(event)),
    }
    const credentials = () => ({ accessKeyId: iam.accesskey, secretAccessKey: iam.secretkey, sessionToken: 'token' })
    expect(verifyRequest(request, { credentials, services: ['lambda'] })).toEqual({
      accessKeyId: 'AKID',
      region,
      service: 'lambda',
    })
  })

  it('takes an ARN', async () => {
    expect((await gateway.fetch('/arn')).body).toBe('by ARN')
    expect(lambda.calls.at(-1)?.path).toContain('?Qualifier=7')
  })

  it('says when there is nobody to be asked', async () => {
    const answer = await gateway.fetch('/nobody')
    expect(answer.status).toBe(503)
    expect(answer.body).toContain('no function engine')
  })

  it.each([
    {},
    { function_name: 'a b' },
    { function_name: 'a', payload: '3.0' },
    { function_name: 'a', endpoint: 'ftp://a' },
    { function_name: 'a', authorization: { iam: { accesskey: 'a' } } },
    { function_name: 'a', timeout: 1 },
  ])('refuses %j', (config) => {
    expect(problemsOf(lambdaPlugin, config)).toHaveLength(1)
  })
})
