import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { DEFAULT_H2_LIMITS } from '../h2/limits.ts'
import { ErrorCode, PREFACE } from '../h2/frames.ts'
import { DEFAULT_H1_LIMITS } from '../limits.ts'
import { NO_TIMEOUTS, type ClientStream } from '../streams/client-stream.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { FrameParser, FrameWriter, goAway, reset, settings, type Seen } from '../testing/h2-frames.ts'
import { settle } from '../testing/memory-socket.ts'
import { requestOf } from '../testing/request-of.ts'
import { WaitingExchange } from '../testing/waiting-exchange.ts'
import { DEFAULT_KEEP_ALIVE, type KeepAlive } from './keep-alive.ts'
import { StreamPool } from './stream-pool.ts'
import { poolKey, type UpstreamAddress } from './upstream-address.ts'

const MAX_CONCURRENT_STREAMS = 3
const GET = requestOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n')

/** One connection of an upstream of frames. */
class Peer {
  readonly socket: Socket
  readonly writer = new FrameWriter()
  readonly parser = new FrameParser()
  private prefaceLeft = PREFACE.length

  constructor(socket: Socket, onFrame: (peer: Peer, frame: Seen) => void, streams: number) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.write(settings(...(streams === 0 ? [] : [[MAX_CONCURRENT_STREAMS, streams] as const])))
    socket.on('data', (bytes: Buffer) => {
      const skipped = Math.min(this.prefaceLeft, bytes.length)
      this.prefaceLeft -= skipped
      for (const frame of this.parser.push(bytes.subarray(skipped))) onFrame(this, frame)
    })
  }

  answer(streamId: number): void {
    this.socket.write(this.writer.headers(streamId, [[':status', '200']], true))
  }
}

class Upstream {
  readonly peers: Peer[] = []
  private readonly server: Server

  private constructor(onFrame: (peer: Peer, frame: Seen) => void, streams: number) {
    this.server = createServer({ noDelay: true }, (socket) => this.peers.push(new Peer(socket, onFrame, streams)))
    opened.push(() => {
      this.server.close()
      for (const { socket } of this.peers) socket.destroy()
    })
  }

  static async start(onFrame: (peer: Peer, frame: Seen) => void = answerAll, streams = 0): Promise<Upstream> {
    const upstream = new Upstream(onFrame, streams)
    upstream.server.listen(0, '127.0.0.1')
    await once(upstream.server, 'listening')
    return upstream
  }

  get address(): UpstreamAddress {
    return addressOf((this.server.address() as AddressInfo).port)
  }
}

const addressOf = (port: number): UpstreamAddress => ({
  host: '127.0.0.1',
  port,
  name: '127.0.0.1',
  tls: undefined,
  localAddress: undefined,
  group: '',
  protocol: 'h2',
})

function answerAll(peer: Peer, frame: Seen): void {
  if (frame.type === 'HEADERS') peer.answer(frame.streamId)
}

const opened: (() => void)[] = []
afterEach(() => {
  for (const close of opened.splice(0)) close()
})

function startPool(maxIdle = 100): { pool: StreamPool; clock: FakeClock } {
  const clock = new FakeClock()
  const options = { deadlines: clock.deadlines, limits: DEFAULT_H1_LIMITS, h2Limits: DEFAULT_H2_LIMITS, maxIdle }
  const pool = new StreamPool(options)
  opened.push(() => pool.closeIdle())
  return { pool, clock }
}

interface Asked {
  readonly stream: ClientStream
  readonly exchange: WaitingExchange
}

/** As the proxy asks: a stream of a connection that is there or of a new one, and the request when that is ready. */
function ask(pool: StreamPool, address: UpstreamAddress, keepAlive: KeepAlive = DEFAULT_KEEP_ALIVE): Asked {
  const key = poolKey(address)
  const stream = pool.take(key) ?? pool.open(key, address)
  const exchange = new WaitingExchange()
  exchange.onEnd = () => stream.giveBack(keepAlive)
  const send = (): void => stream.sendRequest(exchange, GET, 0, NO_TIMEOUTS)
  if (stream.ready) send()
  else {
    void exchange.connected.then(() => (stream.ready ? send() : undefined))
    stream.connectFor(exchange, 10_000)
  }
  return { stream, exchange }
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000 && !holds(); turn++) await settle()
  expect(holds()).toBe(true)
}

describe('a pool of streams', () => {
  it('shares a connection that is being made, and keeps it', async () => {
    const upstream = await Upstream.start()
    const { pool } = startPool()
    const asked = Array.from({ length: 20 }, () => ask(pool, upstream.address))
    expect([pool.active, pool.idle]).toEqual([1, 0])
    for (const { exchange } of asked) expect((await exchange.over).complete).toBe(true)
    expect([pool.active, pool.idle, upstream.peers.length]).toEqual([0, 1, 1])
    expect((await ask(pool, upstream.address).exchange.over).complete).toBe(true)
    expect(upstream.peers).toHaveLength(1)
  })

  it('grows when a connection is full, and shrinks to what is needed', async () => {
    const upstream = await Upstream.start(() => undefined)
    const { pool, clock } = startPool()
    const asked = Array.from({ length: 250 }, () => ask(pool, upstream.address))
    const heads = (peer: Peer): Seen[] => peer.parser.seen.filter((one) => one.type === 'HEADERS')
    await until(() => upstream.peers.flatMap(heads).length === 250)
    expect([pool.active, upstream.peers.length]).toEqual([3, 3])
    for (const peer of upstream.peers) for (const { streamId } of heads(peer)) peer.answer(streamId)
    for (const { exchange } of asked) expect((await exchange.over).complete).toBe(true)
    expect([pool.active, pool.idle]).toEqual([0, 3])
    clock.pass(DEFAULT_KEEP_ALIVE.idleTimeoutMs)
    expect([pool.active, pool.idle]).toEqual([0, 0])
  })

  it('remembers how few requests an upstream takes at a time', async () => {
    const upstream = await Upstream.start(answerAll, 5)
    const { pool } = startPool()
    expect((await ask(pool, upstream.address).exchange.over).complete).toBe(true)
    pool.closeIdle()
    const asked = Array.from({ length: 40 }, () => ask(pool, upstream.address))
    for (const { exchange } of asked) expect((await exchange.over).error).toBeUndefined()
    expect(upstream.peers).toHaveLength(9)
  })

  it('keeps as many idle connections as it may, of all peers and of one', async () => {
    for (const [maxIdle, keepAlive] of [
      [2, DEFAULT_KEEP_ALIVE],
      [100, { ...DEFAULT_KEEP_ALIVE, maxIdle: 2 }],
    ] as const) {
      const upstream = await Upstream.start(answerAll, 1)
      const { pool } = startPool(maxIdle)
      await ask(pool, upstream.address, keepAlive).exchange.over
      const asked = Array.from({ length: 5 }, () => ask(pool, upstream.address, keepAlive))
      for (const { exchange } of asked) await exchange.over
      expect([pool.active, pool.idle]).toEqual([0, 2])
    }
  })

  it('keeps none where none may be kept', async () => {
    const upstream = await Upstream.start()
    const { pool } = startPool()
    const keepAlive = { ...DEFAULT_KEEP_ALIVE, maxIdle: 0 }
    for (let count = 0; count < 3; count++) {
      await ask(pool, upstream.address, keepAlive).exchange.over
      expect([pool.active, pool.idle]).toEqual([0, 0])
    }
    expect(upstream.peers).toHaveLength(3)
  })

  it('gives a connection no more requests than it may have', async () => {
    const upstream = await Upstream.start()
    const { pool } = startPool()
    for (let count = 0; count < 6; count++) {
      await ask(pool, upstream.address, { ...DEFAULT_KEEP_ALIVE, maxRequests: 2 }).exchange.over
    }
    expect([upstream.peers.length, pool.idle, pool.active]).toEqual([3, 0, 0])
  })

  it('tells all who wait for a connection that cannot be made', async () => {
    const { pool } = startPool()
    const asked = Array.from({ length: 150 }, () => ask(pool, addressOf(1)))
    expect(pool.active).toBe(2)
    for (const { exchange } of asked) expect((await exchange.over).error?.code).toBe('CONNECT_REFUSED')
    expect([pool.active, pool.idle]).toEqual([0, 0])
  })

  it('drops a connection that nobody waits for any more without harm', async () => {
    const upstream = await Upstream.start()
    const { pool } = startPool()
    const { stream } = ask(pool, upstream.address)
    stream.discard()
    expect([pool.active, pool.idle]).toEqual([0, 1])
    pool.closeIdle()
    expect([pool.active, pool.idle]).toEqual([0, 0])
    expect((await ask(pool, upstream.address).exchange.over).complete).toBe(true)
  })

  it('takes no connection that is going away, and closes it behind its last request', async () => {
    const upstream = await Upstream.start((peer, frame) => {
      if (frame.type === 'HEADERS' && frame.streamId === 1) peer.socket.write(goAway(1))
      else answerAll(peer, frame)
    })
    const { pool } = startPool()
    const first = ask(pool, upstream.address)
    await until(() => {
      const place = pool.take(poolKey(upstream.address))
      place?.discard()
      return place === undefined
    })
    const second = ask(pool, upstream.address)
    await until(() => upstream.peers.length === 2)
    for (const peer of upstream.peers) peer.answer(1)
    await Promise.all([first.exchange.over, second.exchange.over])
    expect([first.exchange.complete, second.exchange.complete]).toEqual([true, true])
    await until(() => pool.active + pool.idle === 0)
  })

  it('counts right when a busy connection is lost', async () => {
    const upstream = await Upstream.start((peer, frame) => {
      if (frame.type !== 'HEADERS') return
      if (frame.streamId === 5) peer.socket.destroy()
      else if (frame.streamId === 1) peer.socket.write(reset(1, ErrorCode.CANCEL))
    })
    const { pool } = startPool()
    const asked = Array.from({ length: 3 }, () => ask(pool, upstream.address))
    for (const { exchange } of asked) expect((await exchange.over).error).toBeDefined()
    expect([pool.active, pool.idle]).toEqual([0, 0])
  })
})
