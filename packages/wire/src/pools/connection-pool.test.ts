import { NO_TIMEOUTS } from '../streams/client-stream.ts'
import { requestOf } from '../testing/request-of.ts'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { H1ClientConnection } from '../h1/client-connection.ts'
import { DEFAULT_H1_LIMITS } from '../limits.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { RawServer } from '../testing/raw-server.ts'
import { WaitingExchange } from '../testing/waiting-exchange.ts'
import { ConnectionPool, DEFAULT_MAX_IDLE } from './connection-pool.ts'
import { DEFAULT_KEEP_ALIVE, type KeepAlive } from './keep-alive.ts'
import { poolKey, type UpstreamAddress } from './upstream-address.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const keep = (changes: Partial<KeepAlive> = {}): KeepAlive => ({ ...DEFAULT_KEEP_ALIVE, ...changes })

let server: RawServer
let clock: FakeClock
beforeEach(async () => {
  clock = new FakeClock()
  server = await RawServer.start((socket, text) => {
    if (text.endsWith('\r\n\r\n')) socket.write(OK)
  })
})
afterEach(() => server.stop())

const makePool = (maxIdle = DEFAULT_MAX_IDLE): ConnectionPool =>
  new ConnectionPool({ deadlines: clock.deadlines, limits: DEFAULT_H1_LIMITS, maxIdle })

/** A connection that has served one request and is not given back yet. */
async function used(pool: ConnectionPool, key = 'a'): Promise<H1ClientConnection> {
  const connection = pool.open(key, server.address)
  const exchange = new WaitingExchange()
  connection.connectFor(exchange, 0)
  await exchange.connected
  await ask(connection)
  return connection
}

async function ask(connection: H1ClientConnection): Promise<WaitingExchange> {
  const exchange = new WaitingExchange()
  connection.sendRequest(exchange, requestOf(REQUEST), 0, NO_TIMEOUTS)
  return exchange.over
}

/** The upstream's end of a connection. */
const farEnd = (connection: H1ClientConnection): RawServer['sockets'][number] => {
  const { localPort } = connection.socket
  const found = server.sockets.find((socket) => socket.remotePort === localPort)
  if (found === undefined) throw new Error(`no connection from port ${localPort}`)
  return found
}

describe('connections', () => {
  it('are used again, the last one first', async () => {
    const pool = makePool()
    const [one, two, three] = [await used(pool), await used(pool), await used(pool)]
    expect([pool.active, pool.idle]).toEqual([3, 0])
    for (const connection of [one, two, three]) connection.giveBack(keep())
    expect([pool.active, pool.idle]).toEqual([0, 3])
    expect([pool.take('a'), pool.take('a'), pool.take('a'), pool.take('a')]).toEqual([three, two, one, undefined])
    expect((await ask(two)).body).toBe('ok')
    expect(two.requestCount).toBe(2)
    expect([pool.active, pool.idle]).toEqual([3, 0])
    expect(server.sockets).toHaveLength(3)
  })

  it('of one key are never given for another', async () => {
    const pool = makePool()
    const first = await used(pool, 'a')
    first.giveBack(keep())
    expect(pool.take('b')).toBeUndefined()
    expect(pool.take('a')).toBeDefined()
  })

  it('are closed instead of kept where a limit says so', async () => {
    const pool = makePool()
    const [full, old, none] = [await used(pool), await used(pool), await used(pool)]
    const first = await used(pool)
    first.giveBack(keep({ maxIdle: 1 }))
    full.giveBack(keep({ maxIdle: 1 }))
    old.giveBack(keep({ maxRequests: 1 }))
    none.giveBack(keep({ maxIdle: 0 }))
    expect([full.closed, old.closed, none.closed]).toEqual([true, true, true])
    expect([pool.active, pool.idle]).toEqual([0, 1])
    const kept = pool.take('a') as H1ClientConnection
    kept.giveBack(keep({ maxRequests: 2 }))
    expect(pool.idle).toBe(1)
  })

  it('within an exchange are closed, not kept', async () => {
    const pool = makePool()
    const connection = await used(pool)
    connection.sendRequest(new WaitingExchange(), requestOf('GET / HTTP/1.1\r\n\r\n'), 0, NO_TIMEOUTS)
    connection.giveBack(keep())
    expect(connection.closed).toBe(true)
    expect([pool.active, pool.idle, pool.take('a')]).toEqual([0, 0, undefined])
  })

  it('that were closed meanwhile are not kept', async () => {
    const pool = makePool()
    const connection = await used(pool)
    connection.discard()
    connection.giveBack(keep())
    expect([pool.active, pool.idle, pool.take('a')]).toEqual([0, 0, undefined])
  })
})

describe('an idle connection', () => {
  it.each([
    ['a byte', 'x'],
    ['a response nobody asked for', OK],
  ])('that receives %s is dropped', async (_, bytes) => {
    const pool = makePool()
    const connection = await used(pool)
    connection.giveBack(keep())
    farEnd(connection).write(bytes)
    await once(connection.socket, 'close')
    expect(connection.closed).toBe(true)
    expect([pool.active, pool.idle, pool.take('a')]).toEqual([0, 0, undefined])
  })

  it('that the upstream closes or resets is dropped', async () => {
    const pool = makePool()
    const [ended, reset, stays] = [await used(pool), await used(pool), await used(pool)]
    for (const connection of [ended, reset, stays]) connection.giveBack(keep())
    const closed = [once(ended.socket, 'close'), new Promise((resolve) => reset.socket.once('close', resolve))]
    farEnd(ended).end()
    farEnd(reset).resetAndDestroy()
    await Promise.all(closed)
    expect([pool.active, pool.idle]).toEqual([0, 1])
    expect([pool.take('a'), pool.take('a')]).toEqual([stays, undefined])
  })

  it('is closed after its time, which stops when it is taken', async () => {
    const pool = makePool()
    const [one, two] = [await used(pool), await used(pool)]
    one.giveBack(keep({ idleTimeoutMs: 100 }))
    two.giveBack(keep({ idleTimeoutMs: 100 }))
    expect(pool.take('a')).toBe(two)
    clock.pass(100)
    expect([one.closed, two.closed]).toEqual([true, false])
    expect([pool.active, pool.idle]).toEqual([1, 0])
    two.giveBack(keep({ idleTimeoutMs: 0 }))
    clock.pass(1_000_000)
    expect(two.closed).toBe(false)
  })

  it('makes room for another when there are too many in all', async () => {
    const pool = makePool(2)
    const [one, two, three] = [await used(pool, 'a'), await used(pool, 'a'), await used(pool, 'b')]
    one.giveBack(keep())
    two.giveBack(keep())
    three.giveBack(keep())
    expect([one.closed, two.closed, three.closed]).toEqual([true, false, false])
    expect(pool.idle).toBe(2)
  })

  it('can be closed by its key, or all of them', async () => {
    const pool = makePool()
    const [one, two, three] = [await used(pool, 'a'), await used(pool, 'b'), await used(pool, 'c')]
    one.giveBack(keep())
    two.giveBack(keep())
    three.giveBack(keep())
    pool.closeIdle('b')
    expect([one.closed, two.closed, three.closed]).toEqual([false, true, false])
    pool.closeIdle()
    expect([one.closed, three.closed]).toEqual([true, true])
    expect([pool.active, pool.idle]).toEqual([0, 0])
  })
})

describe('opening', () => {
  it('that fails is told, and counted no more', async () => {
    const pool = makePool()
    const gone = await RawServer.start()
    const { address } = gone
    await gone.stop()
    const connection = pool.open('x', address)
    expect(pool.active).toBe(1)
    const exchange = new WaitingExchange()
    connection.connectFor(exchange, 0)
    await exchange.over
    expect(exchange.error?.code).toBe('CONNECT_REFUSED')
    expect([pool.active, pool.idle]).toEqual([0, 0])
  })
})

it('the key of a pool has all that changes trust', () => {
  const address: UpstreamAddress = {
    host: '10.0.0.1',
    port: 443,
    name: 'a.example',
    tls: undefined,
    localAddress: undefined,
    group: '',
    protocol: 'http/1.1',
  }
  const keys = [
    address,
    { ...address, host: '10.0.0.2' },
    { ...address, port: 80 },
    { ...address, localAddress: '10.0.0.9' },
    { ...address, group: 'other' },
    { ...address, protocol: 'h2' as const },
    { ...address, tls: {} },
    { ...address, tls: {}, name: 'b.example' },
    { ...address, tls: { serverName: 'c.example' } },
    { ...address, tls: { verify: false } },
    { ...address, tls: { ca: 'one' } },
    { ...address, tls: { ca: 'two' } },
    { ...address, tls: { cert: 'c', key: 'k' } },
    { ...address, tls: { cert: 'c', key: 'l' } },
    { ...address, tls: { ciphers: 'x' } },
    { ...address, tls: { minVersion: 'TLSv1.3' as const } },
  ].map(poolKey)
  expect(new Set(keys).size).toBe(keys.length)
  expect(poolKey({ ...address, tls: { serverName: 'a.example', verify: true } })).toBe(poolKey({ ...address, tls: {} }))
  expect(poolKey({ ...address, name: 'b.example' })).toBe(poolKey(address))
})

describe('a peer that sends bytes nobody asked for', () => {
  it('gets a connection for each request, until a minute has passed', async () => {
    const told: string[] = []
    const pool = new ConnectionPool({
      deadlines: clock.deadlines,
      limits: DEFAULT_H1_LIMITS,
      maxIdle: DEFAULT_MAX_IDLE,
      onDistrust: (peer) => told.push(peer),
    })
    const [bad, good] = [await used(pool), await used(pool)]
    bad.giveBack(keep())
    good.giveBack(keep())
    farEnd(bad).write('HTTP/1.1 200 OK\r\n')
    await once(bad.socket, 'close')
    expect([told.length, pool.idle, good.closed]).toEqual([1, 0, true])
    const next = await used(pool)
    next.giveBack(keep())
    expect([next.closed, pool.take('a')]).toEqual([true, undefined])
    clock.pass(60_000)
    const later = await used(pool)
    later.giveBack(keep())
    expect(pool.take('a')).toBe(later)
  })

  it('is not meant when it says 408 to an idle connection', async () => {
    const pool = makePool()
    const [one, two] = [await used(pool), await used(pool)]
    one.giveBack(keep())
    two.giveBack(keep())
    farEnd(one).write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n')
    await once(one.socket, 'close')
    expect(pool.take('a')).toBe(two)
  })
})
