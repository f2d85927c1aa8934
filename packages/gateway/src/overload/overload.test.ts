import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

interface Service {
  readonly address: string
  /** Answers that have not been given. */
  readonly held: ServerResponse[]
  readonly requests: IncomingMessage[]
}

/** Without `answer` requests are held until the test answers them. */
async function serve(
  answer?: (request: IncomingMessage, response: ServerResponse, number: number) => void,
): Promise<Service> {
  const held: ServerResponse[] = []
  const requests: IncomingMessage[] = []
  const server: Server = createServer((request, response) => {
    requests.push(request)
    if (answer === undefined) held.push(response)
    else answer(request, response, requests.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, held, requests }
}

async function through(document: object): Promise<TestGateway> {
  const gateway = await startGateway(document)
  closing.push(() => gateway.close())
  return gateway
}

const nodes = (...services: readonly Service[]) => Object.fromEntries(services.map(({ address }) => [address, 1]))
const route = (upstream: object, more: object = {}) => ({ routes: [{ id: 'r', uri: '/*', upstream, ...more }] })
const count = (service: Service, requests: number): Promise<unknown> =>
  vi.waitUntil(() => service.requests.length >= requests, { interval: 1 })
/** The value of a series in what Prometheus reads; undefined: there is none. */
const metric = (gateway: TestGateway, series: string): number | undefined => {
  const line = gateway.metrics
    .render()
    .split('\n')
    .find((text) => text.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

const status =
  (code: number, fields: Record<string, string> = {}) =>
  (_: IncomingMessage, response: ServerResponse): void =>
    void response.writeHead(code, fields).end(`${code}`)

describe('retry', () => {
  test.each([
    ['5xx', 500, 2],
    ['gateway-error', 500, 1],
    ['gateway-error', 503, 2],
    ['reset', 503, 1],
  ])('on %s: after %d it is asked %d times', async (reason, code, times) => {
    const service = await serve(status(code))
    const gateway = await through(
      route({ nodes: nodes(service), retries: 1, retry: { retry_on: [reason], back_off: { base_interval: 0.001 } } }),
    )
    // When no attempt is left, the client gets what the last one answered.
    expect(await gateway.fetch('/')).toMatchObject({ status: code, body: `${code}` })
    expect(service.requests.length).toBe(times)
  })

  test('goes to another node first, and to the same one when there is none', async () => {
    const [bad, good] = [await serve(status(503)), await serve(status(200))]
    const gateway = await through(
      route({ nodes: nodes(bad, good), retries: 3, retry: { retry_on: ['5xx'], back_off: { base_interval: 0.001 } } }),
    )
    for (let round = 0; round < 4; round++) expect((await gateway.fetch('/')).status).toBe(200)
    expect(good.requests.length).toBe(4)
    expect(metric(gateway, 'sekisho_upstream_retries_total{upstream="routes/r",reason="HTTP_STATUS"}')).toBe(
      bad.requests.length,
    )
    const flaky = await serve((_, response, number) => void response.writeHead(number < 3 ? 500 : 200).end())
    await gateway.update(
      route({ nodes: nodes(flaky), retries: 3, retry: { retry_on: ['5xx'], back_off: { base_interval: 0.001 } } }),
    )
    expect((await gateway.fetch('/')).status).toBe(200)
    expect(flaky.requests.length).toBe(3)
  })

  test('leaves a POST alone, unless it is said, and then sends its body again', async () => {
    const bodies: string[] = []
    const service = await serve((request, response, number) => {
      let body = ''
      request.on('data', (chunk) => (body += chunk))
      request.on('end', () => {
        bodies.push(body)
        response.writeHead(number % 2 === 1 ? 409 : 200).end()
      })
    })
    const retry = {
      retry_on: ['retriable-status-codes'],
      retriable_status_codes: [409],
      back_off: { base_interval: 0.001 },
    }
    const gateway = await through(route({ nodes: nodes(service), retries: 1 }, { retry }))
    const post = { method: 'POST', body: 'hello' }
    expect((await gateway.fetch('/', post)).status).toBe(409)
    service.requests.push(undefined as never)
    await gateway.update(route({ nodes: nodes(service), retries: 1 }, { retry: { ...retry, non_idempotent: true } }))
    expect((await gateway.fetch('/', post)).status).toBe(200)
    expect(bodies).toEqual(['hello', 'hello', 'hello'])
  })

  test('honours Retry-After up to a limit', async () => {
    const service = await serve(status(503, { 'Retry-After': '5' }))
    const gateway = await through(route({ nodes: nodes(service), retries: 2, retry: { retry_on: ['5xx'] } }))
    expect((await gateway.fetch('/')).headers['retry-after']).toBe('5')
    expect(service.requests.length).toBe(1)
    const soon = await serve((_, response, number) =>
      response.writeHead(number === 1 ? 503 : 200, { 'Retry-After': '0' }).end(),
    )
    await gateway.update(route({ nodes: nodes(soon), retries: 2, retry: { retry_on: ['5xx'] } }))
    expect((await gateway.fetch('/')).status).toBe(200)
  })

  test('stops at its budget', async () => {
    const service = await serve(status(500))
    const gateway = await through(
      route({
        nodes: nodes(service),
        retries: 1,
        retry: { retry_on: ['5xx'], budget: { budget_percent: 0, min_retry_concurrency: 0 } },
      }),
    )
    for (let round = 0; round < 3; round++) expect((await gateway.fetch('/')).status).toBe(500)
    expect(service.requests.length).toBe(3)
    expect(metric(gateway, 'sekisho_upstream_retries_refused_total{upstream="routes/r",reason="retry_budget"}')).toBe(3)
  })

  test('has time limits of one attempt, and of all', async () => {
    const held = await serve()
    const good = await serve(status(200))
    const retry = { per_try_timeout: 0.02, timeout: 10 }
    const gateway = await through(route({ nodes: nodes(held, good), retry }))
    for (let round = 0; round < 2; round++) expect((await gateway.fetch('/')).status).toBe(200)
    expect(held.requests.length).toBeGreaterThan(0)
    await gateway.update(route({ nodes: nodes(held), retries: 100, retry: { per_try_timeout: 0.02, timeout: 0.15 } }))
    const answer = await gateway.fetch('/')
    expect([answer.status, (answer.json() as { reason: string }).reason]).toEqual([504, 'DEADLINE_EXCEEDED'])
  })
})

describe('hedge', () => {
  test('asks another node when one takes long', async () => {
    const held = await serve()
    const good = await serve(status(200))
    const gateway = await through(route({ nodes: nodes(held, good), hedge: { after: 0.005, budget_percent: 100 } }))
    for (let round = 0; round < 6; round++) expect((await gateway.fetch('/')).status).toBe(200)
    expect(good.requests.length).toBe(6)
    expect(metric(gateway, 'sekisho_upstream_hedges_total{upstream="routes/r",result="won"}')).toBe(
      held.requests.length,
    )
  })

  test('keeps the counts of a balancer right', async () => {
    const [one, other] = [await serve(), await serve()]
    const gateway = await through(
      route({
        type: 'least_conn',
        nodes: nodes(one, other),
        hedge: { after: 0.005, budget_percent: 100 },
        circuit_breakers: { max_requests: 2, max_retries: 1 },
      }),
    )
    for (let round = 1; round <= 3; round++) {
      const answer = gateway.fetch('/')
      await count(one, round)
      await count(other, round)
      const [fast, slow] = round % 2 === 0 ? [one, other] : [other, one]
      fast.held.pop()?.end('fast')
      expect((await answer).body).toBe('fast')
      slow.held.pop()
    }
    // Nothing is left: two at a time are let in.
    const answers = [gateway.fetch('/'), gateway.fetch('/')]
    await vi.waitUntil(() => one.held.length === 1 && other.held.length === 1, { interval: 1 })
    expect((await gateway.fetch('/')).status).toBe(503)
    for (const { held } of [one, other]) held.pop()?.end()
    await Promise.all(answers)
  })
})

describe('circuit breakers', () => {
  test('answer 503 above their limit, with Retry-After, and count it', async () => {
    const service = await serve()
    const gateway = await through(
      route({ nodes: nodes(service), circuit_breakers: { max_requests: 2, retry_after: 7 } }),
    )
    const answers = [gateway.fetch('/'), gateway.fetch('/')]
    await count(service, 2)
    const refused = await gateway.fetch('/')
    expect([refused.status, refused.headers['retry-after'], refused.json()]).toMatchObject([
      503,
      '7',
      { reason: 'OVERLOADED' },
    ])
    for (const response of service.held.splice(0)) response.end('done')
    expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(['done', 'done'])
    const next = gateway.fetch('/')
    await count(service, 3)
    service.held[0].end('next')
    expect((await next).body).toBe('next')
    expect(metric(gateway, 'sekisho_upstream_overloaded_total{upstream="routes/r",reason="max_requests"}')).toBe(1)
  })

  test('have some wait, and those are served in turn', async () => {
    const service = await serve()
    const gateway = await through(
      route({
        nodes: nodes(service),
        circuit_breakers: { max_connections: 1, max_pending_requests: 2, pending_timeout: 20 },
      }),
    )
    const answers = ['/1', '/2', '/3', '/4'].map((path) => gateway.fetch(path))
    const first = await Promise.race(answers)
    expect(first.status).toBe(503)
    for (let served = 1; served <= 3; served++) {
      await count(service, served)
      expect(service.held.length).toBe(1)
      service.held.pop()?.end(`${served}`)
    }
    const codes = (await Promise.all(answers)).map(({ status: code }) => code)
    expect(codes.toSorted((a, b) => a - b)).toEqual([200, 200, 200, 503])
  })

  test('have none wait for too long', async () => {
    const service = await serve()
    const gateway = await through(
      route({
        nodes: nodes(service),
        circuit_breakers: { max_requests: 1, max_pending_requests: 5, pending_timeout: 0.02 },
      }),
    )
    const answer = gateway.fetch('/')
    await count(service, 1)
    expect((await gateway.fetch('/')).status).toBe(503)
    expect(metric(gateway, 'sekisho_upstream_overloaded_total{upstream="routes/r",reason="pending_timeout"}')).toBe(1)
    service.held[0].end()
    await answer
  })

  test('hold for all routes to an upstream, also for those with time limits of their own', async () => {
    const service = await serve()
    const timeout = { connect: 1, send: 1, read: 20 }
    const gateway = await through({
      upstreams: [{ id: 'u', nodes: nodes(service), circuit_breakers: { max_requests: 1 } }],
      routes: [
        { uri: '/a', upstream_id: 'u' },
        { uri: '/b', upstream_id: 'u', timeout },
      ],
    })
    const answer = gateway.fetch('/a')
    await count(service, 1)
    expect((await gateway.fetch('/b')).status).toBe(503)
    service.held[0].end()
    await answer
  })
})

describe('adaptive_concurrency', () => {
  test('answers 503 above the limit', async () => {
    const service = await serve()
    const gateway = await through(
      route({ nodes: nodes(service), adaptive_concurrency: { max_concurrency_limit: 3, min_concurrency: 3 } }),
    )
    const answers = [1, 2, 3].map(() => gateway.fetch('/'))
    await count(service, 3)
    expect((await gateway.fetch('/')).status).toBe(503)
    for (const response of service.held) response.end()
    await Promise.all(answers)
    expect(metric(gateway, 'sekisho_upstream_concurrency_limit{upstream="routes/r"}')).toBe(3)
  })
})

describe('overload', () => {
  test('max_requests: the least urgent are refused first', async () => {
    const service = await serve()
    const gateway = await through({
      overload: { max_requests: 10, retry_after: 2 },
      routes: [
        {
          uri: '/*',
          upstream: { nodes: nodes(service) },
          load_shedding: { urgency: 3, header: 'X-Class', values: { batch: 7, gold: 0 } },
        },
      ],
    })
    const answers = Array.from({ length: 6 }, () => gateway.fetch('/'))
    await count(service, 6)
    const batch = { headers: { 'x-class': 'batch' } }
    const refused = await gateway.fetch('/', batch)
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '2'])
    answers.push(gateway.fetch('/', { headers: { 'x-class': 'gold' } }))
    await count(service, 7)
    expect(metric(gateway, 'sekisho_shed_requests_total{urgency="7"}')).toBe(1)
    for (const response of service.held.splice(0)) response.end()
    expect((await Promise.all(answers)).every(({ status: code }) => code === 200)).toBe(true)
    const last = gateway.fetch('/', batch)
    await count(service, 8)
    service.held[0].end()
    expect((await last).status).toBe(200)
  })
})

describe('what cannot be', () => {
  const upstream = { nodes: { '127.0.0.1:1': 1 } }
  test.each([
    [{ ...upstream, scheme: 'tcp', retry: {} }, /the scheme "tcp" has none/],
    [{ ...upstream, retries: 0, retry: {} }, /"retries: 0" that nothing is/],
    [{ ...upstream, retry: { retry_on: ['retriable-status-codes'] } }, /add "retriable_status_codes"/],
    [{ ...upstream, retry: { retriable_status_codes: [409] } }, /in "retry_on" only/],
    [{ ...upstream, retry: { back_off: { base_interval: 2, max_interval: 1 } } }, /waits 2 s at first/],
    [{ ...upstream, retry: { per_try_timeout: 2, timeout: 1 } }, /is more than "timeout"/],
    [{ ...upstream, hedge: { after: 'fast' } }, /percentile like "p95"/],
    [{ ...upstream, hedge: { after: 'p95' }, sticky: { cookie: 'a' } }, /"sticky" keeps clients/],
    [{ ...upstream, scheme: 'grpc', circuit_breakers: { max_connections: 1 } }, /write "max_requests"/],
    [{ ...upstream, circuit_breakers: { max_connections: 1, max_requests: 2 } }, /is never reached/],
    [{ ...upstream, circuit_breakers: { max_pending_requests: 2 } }, /no limit to wait for/],
  ])('%j is refused', async (wrong, message) => {
    await expect(through({ routes: [{ uri: '/', upstream: wrong as never }] })).rejects.toThrow(message)
  })

  test('what a function cannot be told is refused', async () => {
    const document = { routes: [{ uri: '/', upstream: 'function://hello', hedge: { after: 1 } }] }
    await expect(through(document)).rejects.toThrow(/has no meaning for a function/)
    const named = { upstreams: [{ id: 'f', function: 'hello' }], routes: [{ uri: '/', upstream_id: 'f', retry: {} }] }
    await expect(through(named)).rejects.toThrow(/has no meaning for a function/)
  })

  test('a hedge of a route beside "sticky" of its upstream is refused', async () => {
    const upstreams = [{ id: 'u', ...upstream, sticky: { cookie: 'a' } }]
    const document = { upstreams, routes: [{ uri: '/', upstream_id: 'u', hedge: { after: 1 } }] }
    await expect(through(document)).rejects.toThrow(/"sticky" of the upstream keeps clients/)
  })
})
