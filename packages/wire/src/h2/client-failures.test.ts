import { describe, expect, it } from 'vitest'
import { CHUNKED } from '../h1/request-head.ts'
import { RecordedResponse } from '../testing/client-side.ts'
import { data, frame, goAway, ping, reset, settings, windowUpdate, type Fields } from '../testing/h2-frames.ts'
import { H2ClientSide, openH2ClientSide } from '../testing/h2-client-side.ts'
import { requestOf } from '../testing/request-of.ts'
import { NO_TIMEOUTS } from '../streams/client-stream.ts'
import { ErrorCode, SETTINGS_INITIAL_WINDOW_SIZE } from './frames.ts'

const OK: Fields = [[':status', '200']]
const GET = requestOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n')

describe('RST_STREAM', () => {
  it.each([
    ['REFUSED_STREAM', 'STREAM_REFUSED'],
    ['CANCEL', 'STREAM_RESET'],
    ['INTERNAL_ERROR', 'STREAM_RESET'],
    ['ENHANCE_YOUR_CALM', 'STREAM_RESET'],
  ] as const)('%s before the answer is %s', async (name, code) => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask()
    side.send(reset(1, ErrorCode[name]))
    expect(exchange.error?.code).toBe(code)
    expect(exchange.error?.unprocessed).toBe(code === 'STREAM_REFUSED')
    expect(side.connection.idle).toBe(true)
  })

  it('within the body cuts it', async () => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask()
    side.answer(1)
    side.send(data(1, 'half'), reset(1, ErrorCode.INTERNAL_ERROR))
    expect(exchange.error?.message).toContain('within the response body (INTERNAL_ERROR)')
    expect([exchange.trailers, exchange.ends]).toEqual([undefined, 1])
  })

  it('behind a whole response that waits for a slow client takes nothing from it', async () => {
    const side = await openH2ClientSide()
    const { stream, exchange } = side.ask({ method: 'POST', bodyLength: CHUNKED })
    stream.pauseBody()
    side.answer(1)
    side.send(data(1, 'whole', true), reset(1, ErrorCode.NO_ERROR))
    expect([exchange.error, side.connection.idle, side.told.at(-1)]).toEqual([undefined, true, 'idle'])
    stream.sendBody(Buffer.from('not wanted'))
    stream.resumeBody()
    expect(exchange).toMatchObject({ body: 'whole', trailers: '', ends: 1 })
    stream.discard()
    await side.flush()
    expect(side.parser.of(1).map((one) => one.type)).toEqual(['HEADERS'])
    expect(side.told).toEqual(['busy', 'idle'])
  })

  it('without an error is the end of a body that is as long as it was to be', async () => {
    const side = await openH2ClientSide()
    const asked = [side.ask(), side.ask(), side.ask({ method: 'POST', bodyLength: CHUNKED })]
    asked[2].stream.pauseBody()
    for (const [id, length] of [
      [1, 5],
      [3, 6],
      [5, 5],
    ]) {
      side.answer(id, [...OK, ['content-length', String(length)]])
      side.send(data(id, 'hello'), reset(id, ErrorCode.NO_ERROR))
    }
    asked[2].stream.resumeBody()
    expect(asked.map(({ exchange }) => exchange.complete)).toEqual([true, false, true])
    expect(asked[1].exchange.error?.code).toBe('STREAM_RESET')
    expect([side.connection.idle, side.told]).toEqual([true, ['busy', 'idle']])
    expect((await side.flush()).filter((one) => one.type === 'RST_STREAM')).toEqual([])
  })

  it('of a stream that was never opened is an error of the connection', async () => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask()
    side.send(reset(7, 8))
    await side.flush()
    expect(side.parser.goAwayCode).toBe(ErrorCode.PROTOCOL_ERROR)
    expect(exchange.error?.code).toBe('CLOSED_BEFORE_RESPONSE')
  })
})

describe('GOAWAY', () => {
  it('gives back what was not looked at, and lets the rest end', async () => {
    const side = await openH2ClientSide()
    const asked = [side.ask(), side.ask(), side.ask({ method: 'POST', bodyLength: CHUNKED })]
    const held = side.connection.openStream()
    side.send(goAway(3))
    expect(side.told).toEqual(['busy', 'unusable'])
    expect(side.connection.room).toBe(0)
    expect(asked.map(({ exchange }) => exchange.error?.code)).toEqual([undefined, undefined, 'STREAM_REFUSED'])
    const late = new RecordedResponse()
    held.sendRequest(late, GET, 0, NO_TIMEOUTS)
    expect(late.error?.code).toBe('STREAM_REFUSED')
    side.answer(1)
    side.send(data(1, 'one', true))
    side.send(goAway(1))
    expect(asked[1].exchange.error?.unprocessed).toBe(true)
    expect(asked[0].exchange.body).toBe('one')
    await side.flush()
    expect(side.socket.writableEnded).toBe(true)
    expect(side.told.at(-1)).toBe('closed')
  })

  it('in two steps loses nothing', async () => {
    const side = await openH2ClientSide()
    const [first, second] = [side.ask(), side.ask()]
    side.send(goAway(0x7fff_ffff))
    side.send(goAway(1))
    expect([first.exchange.error, second.exchange.error?.unprocessed]).toEqual([undefined, true])
    side.answer(1, OK, true)
    expect(first.exchange.complete).toBe(true)
  })

  it('followed by the end fails what was under way with its reason', async () => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask()
    side.send(goAway(1, ErrorCode.ENHANCE_YOUR_CALM, 'too_many_pings\n'))
    side.socket.receiveEnd()
    await side.flush()
    expect(exchange.error?.message).toBe('upstream.test:80 said that it goes away (ENHANCE_YOUR_CALM: too_many_pings?)')
  })
})

describe('a connection that is lost', () => {
  it('fails its requests, and takes none of those that are tried again', async () => {
    const side = await openH2ClientSide()
    const [waiting, begun] = [side.ask(), side.ask()]
    side.answer(3)
    side.send(data(3, 'x'))
    const rooms: number[] = []
    waiting.exchange.onUpstreamError = (error) => {
      waiting.exchange.error = error
      rooms.push(side.connection.room)
    }
    const held = side.connection.openStream()
    side.socket.destroy(new Error('ECONNRESET'))
    await side.flush()
    expect(waiting.exchange.error?.code).toBe('RESET')
    expect(begun.exchange.error?.code).toBe('BODY_CUT')
    expect(rooms).toEqual([0])
    expect(held.closed).toBe(true)
    expect(side.told).toEqual(['busy', 'unusable', 'closed'])
    expect(side.clock.deadlines.size).toBe(0)
  })

  it('with a response that is complete does not take it from a slow client', async () => {
    const side = await openH2ClientSide()
    const [whole, half] = [side.ask({ method: 'POST', bodyLength: CHUNKED }), side.ask()]
    for (const { stream } of [whole, half]) stream.pauseBody()
    side.answer(1)
    side.answer(3)
    side.send(data(1, 'whole', true), data(3, 'half'))
    side.socket.destroy()
    await side.flush()
    expect(half.exchange.error?.code).toBe('BODY_CUT')
    expect(whole.exchange.ends).toBe(0)
    whole.stream.resumeBody()
    expect(whole.exchange).toMatchObject({ body: 'whole', trailers: '', ends: 1, error: undefined })
    expect(whole.stream.closed).toBe(true)
    whole.stream.discard()
    await side.flush()
    expect(side.told).toEqual(['busy', 'unusable', 'closed'])
  })

  it('by a broken rule says which one', async () => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask()
    side.send(frame(0, 0, 0, 'x'))
    await side.flush()
    expect(exchange.error?.message).toContain('DATA needs a stream')
    expect(side.parser.goAwayCode).toBe(ErrorCode.PROTOCOL_ERROR)
  })

  it.each([
    ['PUSH_PROMISE', frame(5, 4, 1, '\0\0\0\x02')],
    ['HEADERS on a stream of its own', frame(1, 4, 2, '\x88')],
    ['HEADERS on a stream that was never opened', frame(1, 4, 9, '\x88')],
    ['a field block that is none', frame(1, 4, 1, '\xff\xff\xff\xff\xff\xff')],
  ])('by %s', async (_, bytes) => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask()
    side.send(bytes)
    expect(exchange.error?.code).toBe('CLOSED_BEFORE_RESPONSE')
    expect(side.connection.closed).toBe(true)
  })
})

describe('connecting', () => {
  it('that takes too long is given up with the last that waits', async () => {
    const side = new H2ClientSide()
    const [short, long] = [new RecordedResponse(), new RecordedResponse()]
    side.connection.openStream().connectFor(short, 100)
    side.connection.openStream().connectFor(long, 200)
    side.clock.pass(100)
    expect([short.error?.code, long.error]).toEqual(['CONNECT_TIMEOUT', undefined])
    expect([side.connection.room, side.socket.destroyed]).toEqual([0, false])
    side.clock.pass(100)
    expect(long.error?.code).toBe('CONNECT_TIMEOUT')
    expect(side.socket.destroyed).toBe(true)
    await side.flush()
    expect(side.told).toEqual(['busy', 'unusable', 'closed'])
  })

  it('that fails is told to all who wait', async () => {
    const side = new H2ClientSide()
    const waiting = Array.from({ length: 50 }, () => {
      const exchange = new RecordedResponse()
      side.connection.openStream().connectFor(exchange, 100)
      return exchange
    })
    side.socket.destroy(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
    await side.flush()
    expect(new Set(waiting.map((each) => each.error?.code))).toEqual(new Set(['CONNECT_REFUSED']))
    side.clock.pass(1_000)
    expect(waiting.every((each) => each.ends === 1)).toBe(true)
  })

  it('for nobody any more goes on, for the next', async () => {
    const side = new H2ClientSide()
    const exchange = new RecordedResponse()
    const stream = side.connection.openStream()
    stream.connectFor(exchange, 100)
    stream.discard()
    side.clock.pass(1_000)
    expect(exchange.ends).toBe(0)
    expect(side.told).toEqual(['busy', 'idle'])
    side.connection.onConnected()
    expect(side.connection.room).toBe(100)
  })

  it('counts no time in which the event loop stood still', () => {
    const side = new H2ClientSide()
    const exchange = new RecordedResponse()
    side.connection.openStream().connectFor(exchange, 100)
    side.connection.deadline += 1_000
    side.connection.onStall(1_000)
    side.clock.pass(1_000)
    expect(exchange.error).toBeUndefined()
    side.clock.pass(100)
    expect(exchange.error?.code).toBe('CONNECT_TIMEOUT')
  })
})

describe('time', () => {
  const timeouts = { readTimeoutMs: 100, writeTimeoutMs: 200, quietTimeoutMs: 300 }

  it('runs from the end of the request to the head', async () => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask({ timeouts })
    side.clock.pass(99)
    side.answer(1, [[':status', '103']])
    side.clock.pass(1)
    await side.flush()
    expect(exchange.error?.code).toBe('READ_TIMEOUT')
    expect(side.parser.resetCode(1)).toBe(ErrorCode.CANCEL)
    expect(side.connection.closed).toBe(false)
  })

  it('runs between two pieces of the body, but not for a client that is slow', async () => {
    const side = await openH2ClientSide()
    const { stream, exchange } = side.ask({ method: 'POST', bodyLength: CHUNKED, timeouts })
    side.answer(1)
    side.clock.pass(299)
    side.send(data(1, 'x'))
    stream.pauseBody()
    stream.endBody()
    side.clock.pass(10_000)
    side.send(data(1, 'y'))
    side.clock.pass(10_000)
    expect(exchange.error).toBeUndefined()
    stream.resumeBody()
    side.clock.pass(299)
    expect(exchange.error).toBeUndefined()
    side.clock.pass(1)
    expect(exchange.error?.code).toBe('READ_TIMEOUT')
  })

  it('runs for an upstream that takes nothing, and begins anew when it takes some', async () => {
    const side = await openH2ClientSide([[SETTINGS_INITIAL_WINDOW_SIZE, 10]])
    const { stream, exchange } = side.ask({ method: 'POST', bodyLength: 100, timeouts })
    stream.sendBody(Buffer.alloc(100))
    side.clock.pass(199)
    side.send(windowUpdate(1, 1))
    side.clock.pass(199)
    expect(exchange.error).toBeUndefined()
    side.clock.pass(1)
    expect(exchange.error?.code).toBe('WRITE_TIMEOUT')
  })

  it('does not run while the client sends nothing', async () => {
    const side = await openH2ClientSide()
    const { stream, exchange } = side.ask({ method: 'POST', bodyLength: 100, timeouts })
    stream.sendBody(Buffer.alloc(10))
    side.clock.pass(10_000)
    side.send(ping())
    expect(exchange.error).toBeUndefined()
  })
})

describe('PING', () => {
  it('asks whether anybody is there, and gives up without an answer', async () => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask()
    await side.flush()
    side.clock.pass(15_000)
    expect(await side.flush()).toMatchObject([{ type: 'PING', flags: 0 }])
    side.clock.pass(10_000)
    expect(exchange.error?.message).toBe('upstream.test:80 did not answer a PING')
    expect(side.socket.destroyed).toBe(true)
  })

  it('is not put off by requests that go on leaving', async () => {
    const side = await openH2ClientSide()
    const first = side.ask()
    for (let count = 0; count < 25; count++) {
      side.clock.pass(1_000)
      side.ask()
    }
    expect(first.exchange.error?.message).toContain('PING')
  })

  it('is not sent while there is anything to hear, or nothing to wait for', async () => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask()
    for (let count = 0; count < 10; count++) {
      side.clock.pass(10_000)
      side.send(ping())
    }
    const sent = (await side.flush()).filter((one) => one.type === 'PING' && one.flags === 0)
    expect([sent, exchange.error]).toEqual([[], undefined])
    side.answer(1, OK, true)
    side.clock.pass(59_000)
    expect(await side.flush()).toEqual([])
    side.ask()
    await side.flush()
    side.clock.pass(14_999)
    expect(await side.flush()).toEqual([])
    side.clock.pass(1)
    expect(await side.flush()).toHaveLength(1)
  })

  it('that is answered is asked again after the next silence', async () => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask()
    for (let count = 0; count < 5; count++) {
      side.clock.pass(15_000)
      side.send(ping('anybody?', true))
      side.clock.pass(10_000)
    }
    expect(exchange.error).toBeUndefined()
    expect(side.connection.closed).toBe(false)
  })
})

it('what a filter still works on does not keep the connection from its end', async () => {
  const side = await openH2ClientSide()
  side.connection.openStream()
  side.send(settings())
  side.clock.pass(100_000)
  side.socket.destroy()
  await side.flush()
  expect(side.told).toEqual(['busy', 'unusable', 'closed'])
})
