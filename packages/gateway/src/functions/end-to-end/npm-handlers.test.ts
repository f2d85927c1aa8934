import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../../testing/start-gateway.ts'
import { startEngine, type RunningEngine } from '../testing/start-engine.ts'

/** The same small service in each library, as its documentation writes it. */
const APPS = {
  'serverless-http': `
    import serverless from 'serverless-http'
    export const handler = serverless((request, response) => {
      const url = new URL(request.url, 'http://x')
      const chunks = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        if (url.pathname === '/hello') {
          response.setHeader('Content-Type', 'application/json')
          response.setHeader('Set-Cookie', ['a=1', 'b=2'])
          response.end(JSON.stringify({ hello: url.searchParams.get('name') }))
        } else if (url.pathname === '/echo') {
          response.setHeader('Content-Type', 'text/plain')
          response.end(request.method + ' ' + Buffer.concat(chunks).toString())
        } else if (url.pathname === '/bytes') {
          response.setHeader('Content-Type', 'image/png')
          response.end(Buffer.from([0, 1, 254, 255]))
        } else {
          response.statusCode = 404
          response.end('nothing here')
        }
      })
    }, { binary: ['image/png'] })`,
  '@fastify/aws-lambda': `
    import awsLambdaFastify from '@fastify/aws-lambda'
    import fastify from 'fastify'
    const app = fastify()
    app.get('/hello', async (request, reply) => {
      reply.header('Set-Cookie', 'a=1').header('Set-Cookie', 'b=2')
      return { hello: request.query.name }
    })
    app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => done(null, body))
    app.post('/echo', async (request) => request.method + ' ' + request.body)
    app.get('/bytes', async (request, reply) => reply.type('image/png').send(Buffer.from([0, 1, 254, 255])))
    app.setNotFoundHandler((request, reply) => reply.code(404).send('nothing here'))
    export const handler = awsLambdaFastify(app, { binaryMimeTypes: ['image/png'] })`,
  'hono/aws-lambda': `
    import { Hono } from 'hono'
    import { handle } from 'hono/aws-lambda'
    const app = new Hono()
    app.get('/hello', (c) => {
      c.header('Set-Cookie', 'a=1', { append: true })
      c.header('Set-Cookie', 'b=2', { append: true })
      return c.json({ hello: c.req.query('name') })
    })
    app.post('/echo', async (c) => c.text(c.req.method + ' ' + (await c.req.text())))
    app.get('/bytes', (c) => c.body(new Uint8Array([0, 1, 254, 255]), 200, { 'Content-Type': 'image/png' }))
    app.notFound((c) => c.text('nothing here', 404))
    export const handler = handle(app)`,
  powertools: `
    import { Router } from '@aws-lambda-powertools/event-handler/http'
    const app = new Router()
    app.get('/hello', ({ req }) => {
      const headers = new Headers({ 'Content-Type': 'application/json' })
      headers.append('Set-Cookie', 'a=1')
      headers.append('Set-Cookie', 'b=2')
      return new Response(JSON.stringify({ hello: new URL(req.url).searchParams.get('name') }), { headers })
    })
    app.post('/echo', async ({ req }) => new Response(req.method + ' ' + (await req.text()), { headers: { 'Content-Type': 'text/plain' } }))
    app.get('/bytes', () => new Response(new Uint8Array([0, 1, 254, 255]), { headers: { 'Content-Type': 'image/png' } }))
    app.notFound(() => new Response('nothing here', { status: 404 }))
    export const handler = (event, context) => app.resolve(event, context)`,
} as const

const STREAM = `
  import { Hono } from 'hono'
  import { stream } from 'hono/streaming'
  import { streamHandle } from 'hono/aws-lambda'
  const app = new Hono()
  app.get('*', (c) => {
    c.header('X-Streamed', 'yes')
    c.status(201)
    return stream(c, async (out) => {
      for (const word of ['one ', 'two ', 'three']) await out.write(word)
    })
  })
  export const handler = streamHandle(app)`

/** Powertools 2.35 keeps the last of several cookies alone, and hands on what a load balancer did not decode. */
const cookiesOf = (library: string): string[] => (library === 'powertools' ? ['b=2'] : ['a=1', 'b=2'])
const nameOfCaller = (library: string, payload: string): string =>
  library === 'powertools' && payload === 'alb' ? 'W%C3%B6rld' : 'Wörld'

const FORMATS = ['rest-1.0', 'http-2.0', 'alb', 'function-url'] as const

let engine: RunningEngine
let gateway: TestGateway

const nameOf = (library: string): string => library.replaceAll(/[^a-z-]/g, '-').replace(/^-/, '')

beforeAll(async () => {
  engine = await startEngine()
  for (const [library, source] of Object.entries(APPS)) await engine.deploy(nameOf(library), source)
  await engine.deploy('streams', STREAM)
  gateway = await startGateway({
    functions: { address: engine.address },
    routes: [
      {
        id: 'streams',
        uri: '/*',
        host: 'streams.example',
        upstream: { function: 'streams', invocation_type: 'ResponseStream' },
      },
      ...Object.keys(APPS).flatMap((library) =>
        FORMATS.map((payload) => ({
          id: `${nameOf(library)}-${payload}`,
          uri: '/*',
          host: `${nameOf(library)}.${payload.replace('.', '-')}.example`,
          upstream: {
            type: 'function',
            function: nameOf(library),
            payload,
            ...(payload === 'rest-1.0' ? { binary_media_types: ['*/*'] } : {}),
            ...(payload === 'alb' ? { multi_value_headers: true } : {}),
          },
        })),
      ),
    ],
  })
}, 60_000)

afterAll(async () => {
  await gateway?.close()
  await engine?.stop()
})

describe.each(Object.keys(APPS))('%s', (library) => {
  it.each(FORMATS)('answers through a route with %s', async (payload) => {
    const host = `${nameOf(library)}.${payload.replace('.', '-')}.example`
    const hello = await gateway.fetch('/hello?name=W%C3%B6rld', { host })
    expect(hello.body).toBe(`{"hello":"${nameOfCaller(library, payload)}"}`)
    expect(hello.status).toBe(200)
    expect(hello.headers['content-type']).toMatch(/^application\/json/)
    const cookies = hello.rawHeaders.filter(([name]) => /^set-cookie$/i.test(name)).map(([, value]) => value)
    expect(cookies).toEqual(cookiesOf(library))
    const echo = await gateway.fetch('/echo', {
      host,
      method: 'POST',
      body: 'ünï',
      headers: { 'content-type': 'text/plain' },
    })
    expect([echo.status, echo.body]).toEqual([200, 'POST ünï'])
    const bytes = await gateway.fetch('/bytes', { host, headers: { accept: 'image/png' } })
    expect([bytes.status, bytes.headers['content-type'], bytes.headers['content-length']]).toEqual([
      200,
      'image/png',
      '4',
    ])
    const nothing = await gateway.fetch('/nothing', { host })
    expect([nothing.status, nothing.body]).toEqual([404, 'nothing here'])
  })
})

describe('hono/aws-lambda', () => {
  it('streams', async () => {
    const answer = await gateway.fetch('/x', { host: 'streams.example' })
    expect([answer.status, answer.body, answer.headers['x-streamed']]).toEqual([201, 'one two three', 'yes'])
  })
})
