import { describe, expect, it } from 'vitest'
import { CHUNKED } from '../h1/request-head.ts'
import { DEFAULT_KEEP_ALIVE } from '../pools/keep-alive.ts'
import { RecordedResponse } from '../testing/client-side.ts'
import { data, frame, goAway, ping, reset, settings, windowUpdate, type Fields } from '../testing/h2-frames.ts'
import { H2ClientSide, openH2ClientSide } from '../testing/h2-client-side.ts'
import { requestOf } from '../testing/request-of.ts'
import { NO_TIMEOUTS } from '../streams/client-stream.ts'
import { ErrorCode, SETTINGS_ENABLE_CONNECT_PROTOCOL, SETTINGS_INITIAL_WINDOW_SIZE } from './frames.ts'

const OK: Fields = [[':status', '200']]
const MAX_CONCURRENT_STREAMS = 3

describe('a connection', () => {
  it('begins with the preface, SETTINGS and a larger window', async () => {
    const side = new H2ClientSide()
    const waiting = new RecordedResponse()
    side.connection.openStream().connectFor(waiting, 0)
    expect(await side.flush()).toEqual([])
    side.connection.onConnected()
    expect(await side.flush()).toMatchObject([
      { type: 'SETTINGS', flags: 0 },
      { type: 'WINDOW_UPDATE', streamId: 0 },
    ])
    expect(waiting.connects).toBe(1)
  })

  it('carries many requests at a time, in the order in which they leave', async () => {
    const side = await openH2ClientSide()
    const asked = ['/a', '/b', '/c'].map((path) => side.ask({ path }))
    await side.flush()
    expect([1, 3, 5].map((id) => side.parser.field(id, ':path'))).toEqual(['/a', '/b', '/c'])
    for (const id of [5, 1, 3]) {
      side.answer(id)
      side.send(data(id, `answer ${id}`, true))
    }
    expect(asked.map(({ exchange }) => exchange.body)).toEqual(['answer 1', 'answer 3', 'answer 5'])
    expect(asked.map(({ exchange }) => exchange.ends)).toEqual([1, 1, 1])
    expect(side.connection.idle).toBe(true)
    expect(side.told).toEqual(['busy', 'idle'])
  })

  it('is understood in whatever reads it comes', async () => {
    for (const size of [1, 2, 9, 10, 1_000]) {
      const side = await openH2ClientSide()
      const { exchange } = side.ask()
      const bytes = Buffer.concat([
        side.writer.headers(1, [
          [':status', '103'],
          ['link', '</a>'],
        ]),
        side.writer.headersInPieces(1, [...OK, ['x-long', 'y'.repeat(30)]], 7),
        data(1, 'hello '),
        frame(0, 8, 1, '\u0002world\0\0'),
        side.writer.headers(1, [['x-sum', '7']], true),
      ])
      side.socket.receiveInPieces(bytes.toString('latin1'), size)
      expect(exchange).toMatchObject({ informational: [103], body: 'hello world', trailers: 'x-sum: 7\r\n', ends: 1 })
      expect(exchange.head?.headers.block).toBe(`x-long: ${'y'.repeat(30)}\r\n`)
    }
  })

  it('has as much room as the upstream says, and no more than it has of its own', async () => {
    const side = await openH2ClientSide([[MAX_CONCURRENT_STREAMS, 2]])
    expect(side.connection.room).toBe(2)
    side.ask()
    side.connection.openStream()
    expect(side.connection.room).toBe(0)
    side.send(settings([MAX_CONCURRENT_STREAMS, 1_000]))
    expect(side.connection.room).toBe(98)
    expect(new H2ClientSide({ assumedStreams: 7 }).connection.room).toBe(7)
  })

  it('above the limit of the upstream refuses itself, without a frame', async () => {
    const side = await openH2ClientSide()
    side.ask()
    const second = side.connection.openStream()
    side.send(settings([MAX_CONCURRENT_STREAMS, 1]))
    await side.flush()
    const exchange = new RecordedResponse()
    second.sendRequest(exchange, requestOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 0, NO_TIMEOUTS)
    expect(exchange.error?.code).toBe('STREAM_REFUSED')
    expect(await side.flush()).toEqual([])
    side.answer(1, OK, true)
    expect([side.connection.idle, side.told.at(-1)]).toEqual([true, 'idle'])
  })
})

describe('a request', () => {
  it('leaves as HTTP/2 has it', async () => {
    const side = await openH2ClientSide()
    side.ask({ path: '/a?b', fields: 'X-Upper: y\r\nConnection: close\r\nTE: gzip, trailers\r\nKeep-Alive: 1\r\n' })
    const [head] = await side.flush()
    expect(head).toMatchObject({ streamId: 1, endStream: true })
    expect(head.fields).toEqual([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':authority', 'upstream.test'],
      [':path', '/a?b'],
      ['x-upper', 'y'],
      ['te', 'trailers'],
    ])
  })

  it('has its body in DATA, and trailers', async () => {
    const side = await openH2ClientSide()
    const { stream } = side.ask({ method: 'POST', bodyLength: CHUNKED })
    expect(stream.sendBody(Buffer.from('one'))).toBe(0)
    stream.sendBody(Buffer.from(''))
    stream.sendBody(Buffer.from('two'))
    stream.endBody('X-Sum: 7\r\n')
    await side.flush()
    expect(side.parser.content(1)).toBe('onetwo')
    expect(side.parser.of(1).at(-1)).toMatchObject({ type: 'HEADERS', endStream: true, fields: [['x-sum', '7']] })
    side.answer(1, OK, true)
    expect(side.connection.idle).toBe(true)
  })

  it('keeps to the windows of the upstream, and says when there is room', async () => {
    const side = await openH2ClientSide([[SETTINGS_INITIAL_WINDOW_SIZE, 10]])
    const { stream, exchange } = side.ask({ method: 'POST', bodyLength: 20 })
    expect(stream.sendBody(Buffer.from('0123456789abcdefghij'))).toBe(2)
    stream.endBody()
    await side.flush()
    expect([side.parser.content(1), stream.backlog]).toEqual(['0123456789', 10])
    side.send(windowUpdate(1, 10))
    await side.flush()
    expect(side.parser.content(1)).toBe('0123456789abcdefghij')
    expect([side.parser.ended(1), exchange.drains]).toEqual([true, 1])
  })

  it('that is answered before it is whole is not sent further', async () => {
    const side = await openH2ClientSide([[SETTINGS_INITIAL_WINDOW_SIZE, 10]])
    const { stream, exchange } = side.ask({ method: 'POST', bodyLength: 20 })
    stream.sendBody(Buffer.from('0123456789abcdefghij'))
    side.answer(1, [[':status', '413']], true)
    side.send(reset(1, ErrorCode.NO_ERROR))
    await side.flush()
    expect([exchange.head?.status, exchange.ends, exchange.error]).toEqual([413, 1, undefined])
    expect(side.parser.resetCode(1)).toBe(ErrorCode.CANCEL)
    expect(side.connection.idle).toBe(true)
    stream.sendBody(Buffer.from('late'))
    stream.endBody()
    expect(await side.flush()).toEqual([])
  })

  it('that nobody waits for any more is reset', async () => {
    const side = await openH2ClientSide()
    const { stream, exchange } = side.ask()
    stream.discard()
    side.answer(1, OK)
    side.send(data(1, 'late', true))
    await side.flush()
    expect(side.parser.resetCode(1)).toBe(ErrorCode.CANCEL)
    // What was on its way is not answered again.
    expect(side.parser.of(1, 'RST_STREAM')).toHaveLength(1)
    expect([exchange.ends, exchange.error]).toEqual([0, undefined])
    expect(side.told).toEqual(['busy', 'idle'])
  })
})

describe('a response', () => {
  it('whose head is all comes whole', async () => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask({ method: 'HEAD' })
    side.answer(1, [...OK, ['content-length', '7']], true)
    expect(exchange).toMatchObject({ whole: true, body: '', ends: 1 })
    expect(exchange.head?.headers.get('content-length')).toBe('7')
  })

  it('can be stopped; what comes meanwhile waits, others go on', async () => {
    const side = await openH2ClientSide()
    const [slow, other] = [side.ask(), side.ask()]
    slow.exchange.onEach = () => slow.stream.pauseBody()
    for (const id of [1, 3]) side.answer(id)
    side.send(data(1, 'one'), data(3, 'other', true), data(1, 'two'), data(1, 'three', true))
    expect([slow.exchange.chunks, other.exchange.complete]).toEqual([['one'], true])
    slow.stream.resumeBody()
    // Small pieces that waited come as one.
    expect(slow.exchange.chunks).toEqual(['one', 'twothree'])
    expect([slow.exchange.body, slow.exchange.complete]).toEqual(['onetwothree', false])
    slow.stream.resumeBody()
    expect(slow.exchange.ends).toBe(1)
  })

  it('that nobody takes stops its own stream, and not the connection', async () => {
    const side = await openH2ClientSide()
    const slow = Array.from({ length: 80 }, () => side.ask())
    for (const [at, { stream }] of slow.entries()) {
      stream.pauseBody()
      side.answer(1 + 2 * at)
      for (let sent = 0; sent < 262_144; sent += 16_384) side.send(data(1 + 2 * at, Buffer.alloc(16_384)))
    }
    const credited = (await side.flush())
      .filter((one) => one.type === 'WINDOW_UPDATE')
      .reduce((sum, one) => sum + (one.streamId === 0 ? one.payload.readUInt32BE(0) : NaN), 0)
    expect(credited).toBeGreaterThan(80 * 262_144 - 8_388_608)
    const { exchange } = side.ask()
    side.answer(161)
    side.send(data(161, 'quick', true))
    expect(exchange.body).toBe('quick')
    side.send(data(1, 'xy'))
    await side.flush()
    expect(side.parser.resetCode(1)).toBe(ErrorCode.FLOW_CONTROL_ERROR)
    expect(slow[0].exchange.error?.code).toBe('BAD_RESPONSE')
  })

  const malformed: [string, Fields, string][] = [
    ['no :status', [['x-a', 'b']], ''],
    ['a :status that is none', [[':status', 'OK']], ''],
    [':status 099', [[':status', '099']], ''],
    ['two of :status', [...OK, ...OK], ''],
    [':status behind others', [['x-a', 'b'], ...OK], ''],
    ['a pseudo-field of requests', [...OK, [':path', '/']], ''],
    ['101', [[':status', '101']], ''],
    ['connection', [...OK, ['connection', 'close']], ''],
    ['transfer-encoding', [...OK, ['transfer-encoding', 'chunked']], ''],
    ['an upper-case name', [...OK, ['X-A', 'b']], ''],
    ['a line end in a value', [...OK, ['x-a', 'b\r\nx-c: d']], ''],
    ['two lengths that differ', [...OK, ['content-length', '1'], ['content-length', '2']], ''],
    ['a length that is none', [...OK, ['content-length', '1a']], ''],
    ['more than it says', [...OK, ['content-length', '3']], 'abcd'],
    ['less than it says', [...OK, ['content-length', '5']], 'abcd'],
    ['content behind 204', [[':status', '204']], 'abcd'],
    ['too many fields', [...OK, ...Array.from({ length: 200 }, () => ['x-a', 'b'] as const)], ''],
    ['too large a head', [...OK, ['x-a', 'b'.repeat(40_000)]], ''],
  ]
  it.each(malformed)('with %s is refused, and the others go on', async (_, fields, body) => {
    const side = await openH2ClientSide()
    const [bad, good] = [side.ask(), side.ask()]
    side.send(side.writer.headersInPieces(1, fields, 16_384), data(1, body, true))
    side.answer(3, OK, true)
    await side.flush()
    expect(bad.exchange).toMatchObject({ ends: 1, trailers: undefined })
    expect(bad.exchange.error?.code).toBe('BAD_RESPONSE')
    expect(bad.exchange.error?.refusal?.code).toBe('H2_RESPONSE')
    expect(side.parser.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR)
    expect(good.exchange.complete).toBe(true)
  })

  it.each([
    ['DATA before its head', (side: H2ClientSide) => side.send(data(1, 'x'))],
    ['its end before its head', (side: H2ClientSide) => side.send(data(1, '', true))],
    ['content for HEAD', (side: H2ClientSide) => (side.answer(1), side.send(data(1, 'x', true)))],
    ['an interim one that ends it', (side: H2ClientSide) => side.answer(1, [[':status', '103']], true)],
    ['a second head', (side: H2ClientSide) => (side.answer(1), side.answer(1, OK))],
    ['pseudo-fields in trailers', (side: H2ClientSide) => (side.answer(1), side.answer(1, OK, true))],
    [
      '17 interim ones',
      (side: H2ClientSide) => {
        for (let count = 0; count < 17; count++) side.answer(1, [[':status', '103']])
      },
    ],
  ])('with %s is refused', async (_, misbehave) => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask({ method: 'HEAD' })
    misbehave(side)
    await side.flush()
    expect(exchange.error?.refusal?.code).toBe('H2_RESPONSE')
    expect([exchange.chunks, exchange.ends]).toEqual([[], 1])
    expect(side.parser.goAwayCode).toBeUndefined()
  })
})

describe('an upgrade', () => {
  const key = 'dGhlIHNhbXBsZSBub25jZQ=='
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n`
  const upgrade = { upgrade: true, path: '/chat', fields }

  it('is extended CONNECT, and 200 is its 101', async () => {
    const side = await openH2ClientSide([[SETTINGS_ENABLE_CONNECT_PROTOCOL, 1]])
    const { stream, exchange } = side.ask(upgrade)
    const [head] = await side.flush()
    expect(head.fields).toEqual([
      [':method', 'CONNECT'],
      [':scheme', 'http'],
      [':authority', 'upstream.test'],
      [':path', '/chat'],
      [':protocol', 'websocket'],
      ['sec-websocket-version', '13'],
    ])
    expect(head.endStream).toBe(false)
    const heard: string[] = []
    const tunnel = {
      fromClient: () => undefined,
      fromUpstream: (chunk: Uint8Array) => void heard.push(Buffer.from(chunk).toString()),
      clientDrained: () => undefined,
      upstreamDrained: () => undefined,
      clientEnded: () => undefined,
      upstreamEnded: () => void heard.push('ended'),
      clientLost: () => undefined,
      upstreamLost: () => void heard.push('lost'),
      stopping: () => undefined,
    }
    exchange.onEach = () => stream.joinTunnel(tunnel)
    side.answer(1)
    expect(exchange.upgraded?.status).toBe(101)
    // RFC 6455 section 1.3 has this pair.
    expect(exchange.upgraded?.headers.get('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
    side.send(data(1, 'bytes'))
    stream.sendTunnelBytes(Buffer.from('back'))
    side.send(data(1, '', true))
    expect(heard).toEqual(['bytes', 'ended'])
    stream.endTunnel()
    await side.flush()
    expect([side.parser.content(1), side.parser.ended(1)]).toEqual(['back', true])
    expect(side.connection.idle).toBe(true)
  })

  it('waits for the SETTINGS of a new connection', async () => {
    const side = new H2ClientSide()
    side.connection.onConnected()
    const { exchange } = side.ask(upgrade)
    await side.flush()
    expect(side.parser.of(1)).toHaveLength(0)
    side.send(settings([SETTINGS_ENABLE_CONNECT_PROTOCOL, 1]))
    await side.flush()
    expect(side.parser.field(1, ':protocol')).toBe('websocket')
    expect(exchange.error).toBeUndefined()
  })

  it('is not sent to an upstream that does not take it', async () => {
    for (const early of [true, false]) {
      const side = new H2ClientSide()
      side.connection.onConnected()
      if (!early) side.send(settings())
      const { exchange } = side.ask(upgrade)
      if (early) side.send(settings())
      await side.flush()
      expect(exchange.error?.message).toContain('RFC 8441')
      expect(side.parser.seen.filter((one) => one.streamId === 1)).toHaveLength(0)
      expect(side.connection.idle).toBe(true)
    }
  })

  it('that is refused is a response', async () => {
    const side = await openH2ClientSide([[SETTINGS_ENABLE_CONNECT_PROTOCOL, 1]])
    const { exchange } = side.ask(upgrade)
    side.answer(1, [[':status', '403']], true)
    expect([exchange.head?.status, exchange.upgraded]).toEqual([403, undefined])
  })
})

describe('after its last request a connection', () => {
  it('stays for idle_timeout, then says goodbye', async () => {
    const side = await openH2ClientSide()
    const { stream } = side.ask()
    side.answer(1, OK, true)
    stream.giveBack({ ...DEFAULT_KEEP_ALIVE, idleTimeoutMs: 500 })
    side.clock.pass(499)
    expect(side.connection.closed).toBe(false)
    side.clock.pass(1)
    await side.flush()
    expect(side.parser.goAwayCode).toBe(ErrorCode.NO_ERROR)
    expect(side.told).toEqual(['busy', 'idle', 'unusable', 'closed'])
  })

  it('stays for the usual time when no request of it went well', async () => {
    const side = await openH2ClientSide()
    side.ask().stream.discard()
    side.clock.pass(DEFAULT_KEEP_ALIVE.idleTimeoutMs)
    expect(side.connection.closed).toBe(true)
  })

  it('goes when it has served all that it may', async () => {
    const side = await openH2ClientSide()
    const { stream } = side.ask()
    stream.giveBack({ ...DEFAULT_KEEP_ALIVE, maxRequests: 1 })
    expect([side.connection.room, side.connection.closed]).toEqual([0, false])
    side.answer(1, OK, true)
    await side.flush()
    expect(side.socket.writableEnded).toBe(true)
  })

  it('answers PING', async () => {
    const side = await openH2ClientSide()
    side.send(ping('abcdefgh'))
    expect(await side.flush()).toMatchObject([{ type: 'PING', flags: 1, payload: Buffer.from('abcdefgh') }])
  })

  it('takes GOAWAY as its end', async () => {
    const side = await openH2ClientSide()
    side.send(goAway(0))
    await side.flush()
    expect(side.told).toEqual(['unusable', 'closed'])
    expect(side.socket.writableEnded).toBe(true)
  })
})
