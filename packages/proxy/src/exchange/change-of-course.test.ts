import { afterEach, describe, expect, test } from 'vitest'
import { peer } from '../peers/peer.ts'
import { Resolver } from '../peers/resolver.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import { startProxy } from './testing/proxy-harness.ts'
import { statusOf } from './testing/raw-client.ts'
import { RawUpstream, reply } from './testing/raw-upstream.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

type Phases = ProxyPhases<undefined>
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A promise that settles when the test says so. */
class Gate {
  waiting = 0
  private opened: (() => void)[] = []
  private failed: ((error: Error) => void)[] = []

  pass(): Promise<void> {
    this.waiting++
    return new Promise((resolve, reject) => {
      this.opened.push(resolve)
      this.failed.push(reject)
    })
  }
  open(): void {
    for (const resolve of this.opened.splice(0)) resolve()
  }
  fail(): void {
    for (const reject of this.failed.splice(0)) reject(new Error('too late to matter'))
  }
}

const MAY_WAIT = [
  'earlyRequestFilter',
  'requestFilter',
  'proxyUpstreamFilter',
  'upstreamPeer',
  'upstreamRequestFilter',
  'requestBodyFilter',
  'upstreamResponseFilter',
  'responseFilter',
] as const

describe.each(MAY_WAIT)('a client that leaves while %s is waited for', (name) => {
  test.each(['settles', 'rejects'])('ends the exchange; nothing happens when the promise %s', async (how) => {
    const upstream = await RawUpstream.answering(({ body }) => reply(body))
    const gate = new Gate()
    const trace: string[] = []
    const usual: Phases = { upstreamPeer: () => peer(upstream.address), proxyUpstreamFilter: () => true }
    const phases: Record<string, unknown> = { ...usual }
    for (const each of MAY_WAIT) {
      const before = usual[each] as (() => unknown) | undefined
      phases[each] = async () => {
        trace.push(each)
        if (each === name) await gate.pass()
        return before?.()
      }
    }
    const proxy = await startProxy(phases as unknown as Phases)
    const client = await proxy.connect()
    const body = name === 'requestBodyFilter' ? 'Content-Length: 4\r\n\r\nbody' : '\r\n'
    client.send(`PUT / HTTP/1.1\r\nHost: client.test\r\n${body}`)
    await eventually('the phase', () => gate.waiting > 0)
    // Whose body has to wait is not read, and its loss not seen: that one is cut by a drain.
    if (name === 'requestBodyFilter') await proxy.listener.drain(0)
    else client.reset()
    expect((await proxy.end()).error?.code).toBe('CLIENT_GONE')
    const before = trace.length
    if (how === 'settles') gate.open()
    else gate.fail()
    for (let turn = 0; turn < 20; turn++) await nextTurn()
    expect(trace.length).toBe(before)
    expect(proxy.ends.length).toBe(1)
    expect(proxy.messages('error')).toEqual([])
    expect(proxy.proxy.runtime.pools.active).toBe(0)
  })
})

test.each(['settles', 'rejects'])(
  'a response filter that is overtaken by the failure of the request: one answer, whether it %s',
  async (how) => {
    const upstream = await RawUpstream.start(async (connection) => {
      await connection.reader.until('\r\n\r\n')
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhalf')
    })
    const gates = { upstream: new Gate(), local: new Gate() }
    const told: string[] = []
    const proxy = await startProxy({
      upstreamPeer: () => peer(upstream.address),
      responseFilter: (session) => gates[session.responseSource === 'upstream' ? 'upstream' : 'local'].pass(),
      failToProxy: (_session, error) => void told.push(error.code),
    })
    const client = await proxy.connect()
    client.send('POST / HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n')
    await eventually('the filter of the response', () => gates.upstream.waiting === 1)
    client.send('not a size\r\n')
    await eventually('the filter of the error page', () => gates.local.waiting === 1)
    if (how === 'settles') gates.upstream.open()
    else gates.upstream.fail()
    for (let turn = 0; turn < 20; turn++) await nextTurn()
    expect(client.reader.count).toBe(0)
    gates.local.open()
    expect(statusOf(await client.response())).toBe(400)
    expect(await client.reader.rest()).toBe('')
    expect(told).toEqual(['REQUEST_REFUSED'])
    expect(proxy.ends.length).toBe(1)
  },
)

test('an upstream that is lost while its response is filtered: a cut, once the filter is done', async () => {
  const upstream = await RawUpstream.start(() => undefined)
  const gate = new Gate()
  const proxy = await startProxy({ upstreamPeer: () => peer(upstream.address), responseFilter: () => gate.pass() })
  const client = await proxy.connect()
  client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
  const connection = await upstream.connection()
  await connection.request()
  connection.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhalf')
  await eventually('the filter', () => gate.waiting === 1)
  connection.end()
  gate.open()
  expect(await client.reader.rest()).toMatch(/^HTTP\/1.1 200 [^]*half$/)
  expect((await proxy.end()).error?.code).toBe('BODY_CUT')
})

test('a client that leaves behind its filtered body is noticed while the upstream is waited for', async () => {
  const upstream = await RawUpstream.start(() => undefined)
  const proxy = await startProxy({ upstreamPeer: () => peer(upstream.address), requestBodyFilter: () => nextTurn() })
  const client = await proxy.connect()
  client.send('POST / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 4\r\n\r\nbody')
  const connection = await upstream.connection()
  await connection.request()
  client.reset()
  expect((await proxy.end()).error?.code).toBe('CLIENT_GONE')
  await connection.hungUp
})

test('a request body that breaks the rules while a phase waits: one answer, one failToProxy', async () => {
  const gate = new Gate()
  const told: string[] = []
  const proxy = await startProxy({
    requestFilter: async (session) => {
      const body = session.readBody(100)
      await gate.pass()
      await body
    },
    upstreamPeer: () => peer(undefined),
    responseFilter: () => nextTurn(),
    failToProxy: (_session, error) => void told.push(error.code),
  })
  const client = await proxy.connect()
  client.send('POST / HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n')
  await eventually('the phase', () => gate.waiting === 1)
  gate.open()
  expect(statusOf(await client.response())).toBe(400)
  expect(await client.reader.rest()).toBe('')
  expect(told).toEqual(['REQUEST_REFUSED'])
  expect(proxy.ends.length).toBe(1)
})

test('a name that is resolved too late for its client reaches nobody', async () => {
  const gate = new Gate()
  const upstream = await RawUpstream.start(() => undefined)
  const resolver = new Resolver(async () => gate.pass().then(() => ({ addresses: ['127.0.0.1'], ttlMs: 1_000 })))
  const proxy = await startProxy({ upstreamPeer: () => peer(`name.test:${upstream.port}`) }, { resolver })
  const client = await proxy.connect()
  client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
  await eventually('the look-up', () => gate.waiting === 1)
  client.reset()
  await proxy.end()
  gate.open()
  for (let turn = 0; turn < 20; turn++) await nextTurn()
  expect(upstream.connections.length).toBe(0)
  expect(proxy.proxy.runtime.pools.active).toBe(0)
})
