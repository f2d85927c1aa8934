import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { closeIdleConnections } from './connections.ts'
import { ServiceClient, ServiceFailure, type ServiceOptions } from './service-client.ts'

const servers: Server[] = []

afterEach(async () => {
  closeIdleConnections()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** A client, what it counted by outcome, and what it logged. */
function clientWith(options: Partial<ServiceOptions> = {}): {
  client: ServiceClient
  counts: Map<string, number>
  lines: string[]
} {
  const counts = new Map<string, number>()
  const lines: string[] = []
  const log = (_fields: object, message: string): void => void lines.push(message)
  const metrics = {
    counter: (_definition: object, { outcome }: { outcome: string }) => ({
      add: (by: number) => counts.set(outcome, (counts.get(outcome) ?? 0) + by),
    }),
  }
  const client = new ServiceClient(
    { plugin: 'opa', timeoutMs: 5_000, consequence: 'requests are refused', ...options },
    {
      scope: 'routes/1',
      metrics: metrics as unknown as ConstructorParameters<typeof ServiceClient>[1]['metrics'],
      logger: { error: log, warn: log, info: log },
    },
  )
  return { client, counts, lines }
}

const failureOf = async (call: Promise<unknown>): Promise<ServiceFailure> =>
  call.then(
    () => expect.fail('the call succeeded'),
    (error: unknown) => error as ServiceFailure,
  )

describe('a call', () => {
  test('carries method, fields and body, and brings the answer of any status', async () => {
    const url = await serve((request, response) => {
      void bodyOf(request).then((body) => {
        response.writeHead(418, {
          'X-Seen': `${request.method} ${request.url} ${String(request.headers['x-a'])} ${request.headers.host}`,
        })
        response.end(JSON.stringify({ body, length: request.headers['content-length'] }))
      })
    })
    const { client, counts } = clientWith()
    const answer = await client.call(`${url}/p?q=1`, { headers: { 'X-A': 'b' }, body: 'h\u00e9' })
    expect(answer.status).toBe(418)
    expect(answer.headers.get('x-seen')).toBe(`POST /p?q=1 b ${new URL(url).host}`)
    expect(answer.json()).toEqual({ body: 'h\u00e9', length: '3' })
    expect(Object.fromEntries(counts)).toEqual({ ok: 1 })
  })

  test('shows the user and password of the URL', async () => {
    const url = await serve((request, response) => response.end(request.headers.authorization))
    const { client } = clientWith()
    const answer = await client.call(url.replace('//', '//jo%40n:s%3Acret@'))
    expect(answer.text).toBe(`Basic ${Buffer.from('jo@n:s:cret').toString('base64')}`)
  })

  test('takes a kept connection, and a new one when that is dead', async () => {
    const sockets = new Set<Socket>()
    const url = await serve((request, response) => {
      sockets.add(request.socket)
      response.end('ok')
    })
    const { client } = clientWith()
    await client.call(url)
    await client.call(url)
    expect(sockets.size).toBe(1)
    servers[0].closeAllConnections()
    expect((await client.call(url)).text).toBe('ok')
    expect(sockets.size).toBe(2)
  })
})

describe('a service that', () => {
  test('is slow costs the time limit and no more', async () => {
    const url = await serve(() => undefined)
    const { client, counts, lines } = clientWith({ timeoutMs: 100 })
    expect((await failureOf(client.call(url))).kind).toBe('timeout')
    expect((await failureOf(client.call(url))).message).toBe('no answer within 100 ms')
    expect(Object.fromEntries(counts)).toEqual({ timeout: 2 })
    expect(lines).toEqual([`opa: ${url} fails: no answer within 100 ms; requests are refused`])
  })

  test('trickles its answer does not escape the time limit', async () => {
    const url = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(timer))
    })
    const { client } = clientWith({ timeoutMs: 150 })
    expect((await failureOf(client.call(url))).kind).toBe('timeout')
  })

  test('answers too much is cut off', async () => {
    const url = await serve((_request, response) => response.end('x'.repeat(2_000)))
    const { client } = clientWith({ maxAnswerBytes: 1_000 })
    expect((await failureOf(client.call(url))).kind).toBe('too-large')
  })

  test('is away is logged once, and once when it is back', async () => {
    const url = await serve((_request, response) => response.end('ok'))
    const { port } = new URL(url)
    const [server] = servers.splice(0)
    await new Promise((resolve) => server.close(resolve))
    const { client, lines, counts } = clientWith()
    expect((await failureOf(client.call(url))).kind).toBe('unreachable')
    expect((await failureOf(client.call(url))).kind).toBe('unreachable')
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(Number(port), '127.0.0.1', resolve))
    await client.call(url)
    expect(lines).toHaveLength(2)
    expect(lines[1]).toBe(`opa: ${url} answers again`)
    expect(Object.fromEntries(counts)).toEqual({ unreachable: 2, ok: 1 })
  })

  test('answers what the plugin cannot use counts as failing', async () => {
    const url = await serve((_request, response) => response.end('no JSON'))
    const { client, counts, lines } = clientWith()
    await client.call(url)
    expect(client.refused(url, 'the answer is no JSON').kind).toBe('refused')
    expect(Object.fromEntries(counts)).toEqual({ ok: 1, refused: 1 })
    expect(lines[0]).toContain('the answer is no JSON')
  })

  test('answers what is of no use is told once, and once when it is of use again', async () => {
    let status = 500
    const url = await serve((_request, response) => response.writeHead(status).end())
    const { client, counts, lines } = clientWith()
    const unusable = (answer: { readonly status: number }): string | undefined =>
      answer.status === 200 ? undefined : `it answers ${answer.status}`
    expect((await failureOf(client.call(url, { unusable }))).kind).toBe('refused')
    expect((await failureOf(client.call(url, { unusable }))).message).toBe('it answers 500')
    status = 200
    await client.call(url, { unusable })
    expect(Object.fromEntries(counts)).toEqual({ refused: 2, ok: 1 })
    expect(lines).toEqual([`opa: ${url} fails: it answers 500; requests are refused`, `opa: ${url} answers again`])
  })

  test('holds at most so many calls', async () => {
    const waiting: (() => void)[] = []
    let bothCame = (): void => undefined
    const came = new Promise<void>((resolve) => (bothCame = resolve))
    const url = await serve((_request, response) => {
      waiting.push(() => response.end('ok'))
      if (waiting.length === 2) bothCame()
    })
    const { client } = clientWith({ maxInFlight: 2 })
    const calls = [client.call(url), client.call(url)]
    expect((await failureOf(client.call(url))).kind).toBe('busy')
    await came
    for (const answer of waiting) answer()
    expect((await Promise.all(calls)).map(({ text }) => text)).toEqual(['ok', 'ok'])
    const again = client.call(url)
    await expect.poll(() => waiting.length).toBe(3)
    waiting[2]()
    expect((await again).text).toBe('ok')
  })
})
