import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FakeLambda, RawPayload } from '../functions/testing/fake-lambda.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import authorizer from './lambda-authorizer.ts'
import { problemsOf } from './testing/mounted.ts'

let lambda: FakeLambda
let gateway: TestGateway

const allow = (resource: string) => ({
  principalId: 'jack',
  policyDocument: {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource: resource }],
  },
  context: { tenant: 'a', level: 3 },
})

beforeAll(async () => {
  lambda = await FakeLambda.start({
    simple: (event) => {
      const token = event.headers.authorization
      if (token === 'throw') throw new Error('x')
      if (token === 'nonsense') return { isAuthorized: 'yes' }
      return { isAuthorized: token === 'good', context: { userId: '7', roles: ['a', 'b'] } }
    },
    token: (event) => {
      const token = event.authorizationToken
      if (token === 'nobody') throw new Error('Unauthorized')
      if (token === 'throw') throw new Error('x')
      if (token === 'raw') return new RawPayload('"Allow"')
      if (token === 'bad-header') return { ...allow('*'), context: { tenant: 'a\r\nx: y' } }
      const [base] = event.methodArn.split('/')
      if (token === 'deny') {
        const both = allow('*')
        both.policyDocument.Statement.push({
          Effect: 'Deny',
          Action: 'execute-api:*',
          Resource: `${base}/*/GET/token/*`,
        })
        return both
      }
      return allow(`${base}/*/GET/token/allowed`)
    },
    request: (event) => ({ ...allow(event.methodArn), context: { seen: Object.keys(event).sort().join() } }),
    echo: (event) => ({ statusCode: 200, body: JSON.stringify(event.requestContext.authorizer) }),
  })
  const { endpoint } = lambda
  const upstream = { function: 'echo', endpoint }
  const plugin = (config: object) => ({ 'lambda-authorizer': { endpoint, ...config } })
  gateway = await startGateway({
    routes: [
      { id: 'simple', uri: '/simple/*', upstream, plugins: plugin({ function_name: 'simple' }) },
      {
        id: 'headers',
        uri: '/headers',
        upstream_id: 'echo',
        plugins: plugin({
          function_name: 'simple',
          context_headers: { 'X-User': 'userId', 'X-Roles': 'roles', 'X-None': 'none' },
        }),
      },
      {
        id: 'token',
        uri: '/token/*',
        upstream: { ...upstream, payload: 'rest-1.0' },
        plugins: plugin({
          function_name: 'token',
          type: 'token',
          identity_validation_expression: '[a-z-]+',
          context_headers: { 'X-Tenant': 'tenant' },
        }),
      },
      {
        id: 'request',
        uri: '/request/*',
        upstream: { ...upstream, payload: 'rest-1.0' },
        plugins: plugin({
          function_name: 'request',
          payload: 'rest-1.0',
          identity_sources: ['method.request.querystring.key', '$context.identity.sourceIp'],
          cache_ttl: 0,
        }),
      },
      {
        id: 'away',
        uri: '/away',
        upstream,
        plugins: plugin({ function_name: 'simple', endpoint: 'http://127.0.0.1:1', identity_sources: [] }),
      },
      { id: 'nowhere', uri: '/nowhere', upstream, plugins: { 'lambda-authorizer': { function_name: 'simple' } } },
    ],
  })
})

beforeEach(() => void lambda.calls.splice(0))

afterAll(async () => {
  await gateway.close()
  await lambda.close()
})

const as = (authorization: string) => ({ headers: { authorization } })
const callsOf = (name: string): number => lambda.calls.filter(({ path }) => path.includes(`/${name}/`)).length

describe('lambda-authorizer with simple answers', () => {
  it('lets in, and hands the context to the function', async () => {
    const answer = await gateway.fetch('/simple/a?b=1', as('good'))
    expect([answer.status, answer.json()]).toEqual([200, { lambda: { userId: '7', roles: ['a', 'b'] } }])
    expect(lambda.calls[0].event).toMatchObject({
      version: '2.0',
      type: 'REQUEST',
      routeArn: 'arn:aws:execute-api:us-east-1:000000000000:simple/$default/GET/simple/a',
      identitySource: ['good'],
      routeKey: 'ANY /simple/{proxy+}',
      rawPath: '/simple/a',
      requestContext: { http: { method: 'GET' } },
    })
    expect(lambda.calls[0].event).not.toHaveProperty('isBase64Encoded')
  })

  it('keeps answers by identity', async () => {
    const two = await Promise.all([gateway.fetch('/simple/a', as('kept')), gateway.fetch('/simple/b', as('kept'))])
    expect(two.map(({ status }) => status)).toEqual([403, 403])
    await gateway.fetch('/simple/c', as('kept'))
    expect(callsOf('simple')).toBe(1)
  })

  it.each([
    ['bad', 403, '{"message":"Forbidden"}'],
    ['throw', 500, '{"message":"Internal Server Error"}'],
    ['nonsense', 500, '{"message":"Internal Server Error"}'],
  ])('refuses %s', async (token, status, body) => {
    const answer = await gateway.fetch('/simple/a', as(token))
    expect([answer.status, answer.body]).toEqual([status, body])
    expect(callsOf('echo')).toBe(0)
  })

  it('does not keep what was no answer', async () => {
    await gateway.fetch('/simple/a', as('throw'))
    await gateway.fetch('/simple/a', as('throw'))
    expect(callsOf('simple')).toBe(2)
  })

  it('asks nobody for a request without identity', async () => {
    const answer = await gateway.fetch('/simple/a')
    expect([answer.status, answer.body]).toEqual([401, '{"message":"Unauthorized"}'])
    expect(lambda.calls).toHaveLength(0)
  })

  it('makes fields for the upstream, which a client cannot', async () => {
    const options = { headers: { authorization: 'good', 'x-user': 'me', 'x-none': 'me' } }
    const { headers } = (await gateway.fetch('/headers', options)).json() as { headers: Record<string, string> }
    expect(headers).toMatchObject({ 'x-user': '7', 'x-roles': '["a","b"]' })
    expect(headers).not.toHaveProperty('x-none')
  })
})

describe('lambda-authorizer with policies', () => {
  it('evaluates one answer for each method and path', async () => {
    const answer = await gateway.fetch('/token/allowed', as('good'))
    expect([answer.status, answer.json()]).toEqual([200, { tenant: 'a', level: '3', principalId: 'jack' }])
    expect(lambda.calls[0].event).toEqual({
      type: 'TOKEN',
      authorizationToken: 'good',
      methodArn: 'arn:aws:execute-api:us-east-1:000000000000:token/$default/GET/token/allowed',
    })
    const other = await gateway.fetch('/token/other', as('good'))
    expect([other.status, other.body]).toEqual([403, '{"Message":"User is not authorized to access this resource"}'])
    expect((await gateway.fetch('/token/allowed', { ...as('good'), method: 'POST' })).status).toBe(403)
    expect(callsOf('token')).toBe(1)
  })

  it.each([
    ['deny', 403, '{"Message":"User is not authorized to access this resource with an explicit deny"}'],
    ['nobody', 401, '{"message":"Unauthorized"}'],
    ['throw', 500, '{"message":null}'],
    ['raw', 500, '{"message":null}'],
    ['bad-header', 500, '{"message":null}'],
    ['NOT A TOKEN', 401, '{"message":"Unauthorized"}'],
  ])('refuses %s', async (token, status, body) => {
    const answer = await gateway.fetch('/token/allowed', as(token))
    expect([answer.status, answer.body]).toEqual([status, body])
    expect(callsOf('echo')).toBe(0)
  })

  it('asks by the whole request', async () => {
    const answer = await gateway.fetch('/request/a?key=k')
    expect(answer.status).toBe(200)
    expect((answer.json() as { seen: string }).seen).toBe(
      'headers,httpMethod,methodArn,multiValueHeaders,multiValueQueryStringParameters,path,pathParameters,queryStringParameters,requestContext,resource,stageVariables,type',
    )
    await gateway.fetch('/request/a?key=k')
    expect(callsOf('request')).toBe(2)
    expect((await gateway.fetch('/request/a')).status).toBe(401)
  })
})

describe('lambda-authorizer', () => {
  it.each(['/away', '/nowhere'])('refuses when there is nobody to be asked: %s', async (path) => {
    expect((await gateway.fetch(path, as('good'))).status).toBe(500)
    expect(callsOf('echo')).toBe(0)
  })

  it.each([
    [{}, 1],
    [{ function_name: 'a', identity_sources: ['x'] }, 1],
    [{ function_name: 'a', identity_sources: ['$context.nothing'] }, 1],
    [{ function_name: 'a', type: 'token', identity_sources: [] }, 1],
    [{ function_name: 'a', type: 'token', identity_validation_expression: '(' }, 1],
    [{ function_name: 'a', identity_validation_expression: 'a' }, 1],
    // Run on what strangers send.
    [{ function_name: 'a', type: 'token', identity_validation_expression: '(a+)+' }, 1],
    [{ function_name: 'a', context_headers: { 'a b': 'c' } }, 1],
    [{ function_name: 'a', cache_ttl: 3_601 }, 1],
    [{ function_name: 'a', identity_sources: ['$request.header.X', '$context.path', '$stageVariables.a'] }, 0],
  ])('%j has %d faults', (config, count) => {
    expect(problemsOf(authorizer, config)).toHaveLength(count)
  })
})
