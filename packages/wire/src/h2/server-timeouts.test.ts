import { describe, expect, it } from 'vitest'
import { data, frame, goAway, ping, preface, settings, windowUpdate } from '../testing/h2-frames.ts'
import { H2ServerSide, openH2ServerSide, post } from '../testing/h2-server-side.ts'
import { answerAtOnce, answerNothing, readBody, response } from '../testing/server-side.ts'
import { ErrorCode, MAX_31_BITS, SETTINGS_INITIAL_WINDOW_SIZE } from './frames.ts'

const TIMES = { headerTimeoutMs: 100, bodyTimeoutMs: 200, keepAliveTimeoutMs: 300 }
const limits = TIMES

describe('a connection', () => {
  it.each([
    ['without a byte', ''],
    ['without the end of the preface', 'PRI * HTTP/2.0\r\n\r\n'],
    ['without SETTINGS', preface],
  ])('%s is closed after header_timeout', async (_, bytes) => {
    const side = new H2ServerSide(answerNothing, { limits })
    side.socket.receive(bytes)
    side.clock.pass(99)
    expect(side.connection.closed).toBe(false)
    side.clock.pass(1)
    await side.flush()
    expect(side.parser.goAwayCode).toBe(ErrorCode.PROTOCOL_ERROR)
    side.clock.pass(1_000)
    expect(side.socket.destroyed).toBe(true)
  })

  it('that is idle is told so, and closed', async () => {
    const side = await openH2ServerSide(answerAtOnce, { limits })
    side.clock.pass(250)
    side.ask(1)
    side.clock.pass(299)
    expect(side.connection.closed).toBe(false)
    side.clock.pass(1)
    await side.flush()
    expect(side.parser.seen.at(-1)).toMatchObject({ type: 'GOAWAY', code: ErrorCode.NO_ERROR })
    expect(side.parser.seen.at(-1)?.payload.readUInt32BE(0)).toBe(1)
    expect(side.socket.writableEnded).toBe(true)
  })

  it('is not kept by SETTINGS or PING', async () => {
    const side = await openH2ServerSide(answerAtOnce, { limits })
    side.clock.pass(290)
    side.send(settings(), ping())
    side.clock.pass(10)
    expect(side.connection.closed).toBe(true)
  })

  it('is kept while a request is answered and the client answers PING', async () => {
    const side = await openH2ServerSide(answerNothing, { limits })
    side.ask(1)
    for (let minute = 0; minute < 5; minute++) {
      side.clock.pass(60_000)
      await side.flush()
      expect(side.parser.seen.at(-1)).toMatchObject({ type: 'PING', flags: 0 })
      side.send(ping('anybody?', true))
    }
    side.requests[0].respond('late')
    await side.flush()
    expect(side.parser.content(1)).toBe('late')
  })

  it('whose client has gone without a word is noticed by PING', async () => {
    const side = await openH2ServerSide(answerNothing, { limits })
    side.ask(1)
    side.clock.pass(60_000)
    side.clock.pass(19_999)
    expect(side.connection.closed).toBe(false)
    side.clock.pass(1)
    expect(side.connection.closed).toBe(true)
    expect(side.socket.destroyed).toBe(true)
    expect(side.requests[0].lost?.message).toBe('the client did not answer a PING')
  })

  it('that stops within a frame gets header_timeout for the rest', async () => {
    const side = await openH2ServerSide(answerAtOnce, { limits })
    side.clock.pass(299)
    const head = side.writer.headers(1, post(), true)
    side.send(head.subarray(0, 12))
    side.clock.pass(1)
    expect(side.connection.closed).toBe(false)
    side.clock.pass(99)
    side.send(head.subarray(12))
    expect(side.requests).toHaveLength(1)
    side.clock.pass(290)
    side.send(side.writer.headersInPieces(3, post(['x-new', 'field']), 5).subarray(0, 14))
    side.clock.pass(10)
    side.clock.pass(100)
    await side.flush()
    expect(side.parser.goAwayCode).toBe(ErrorCode.PROTOCOL_ERROR)
  })

  it('has all the time there is where the limits are 0', async () => {
    const side = new H2ServerSide(answerAtOnce, {
      limits: { headerTimeoutMs: 0, bodyTimeoutMs: 0, keepAliveTimeoutMs: 0 },
    })
    side.clock.pass(1_000_000)
    side.send(preface, settings())
    side.clock.pass(1_000_000)
    side.ask(1)
    side.clock.pass(1_000_000)
    expect(side.connection.closed).toBe(false)
  })

  it('loses no time while the event loop stood still', async () => {
    const side = await openH2ServerSide(readBody, { limits })
    side.ask(1, post(), false)
    side.connection.onStall(1_000)
    // What `Deadlines` does itself for the earliest one.
    side.connection.deadline += 1_000
    side.clock.pass(1_199)
    expect(side.requests[0].refused).toBeUndefined()
    side.clock.pass(1)
    expect(side.requests[0].refused?.code).toBe('BODY_TIMEOUT')
  })
})

describe('a request body', () => {
  it('that stops is answered 408, and the connection goes on', async () => {
    const side = await openH2ServerSide(readBody, { limits })
    side.ask(1, post(), false)
    side.clock.pass(150)
    side.send(data(1, 'x'))
    side.clock.pass(199)
    expect(side.requests[0].refused).toBeUndefined()
    side.clock.pass(1)
    expect(side.requests[0].refused?.code).toBe('BODY_TIMEOUT')
    side.requests[0].respond('', {}, 408)
    side.ask(3)
    await side.flush()
    expect(side.parser.field(1, ':status')).toBe('408')
    expect(side.requests).toHaveLength(2)
  })

  it('has no limit while it is not wanted, is stopped, or the response has begun', async () => {
    const side = await openH2ServerSide(answerNothing, { limits })
    side.ask(1, post(), false)
    const [{ connection }] = side.requests
    side.clock.pass(1_000)
    connection.readRequestBody()
    connection.pauseRequestBody()
    side.clock.pass(1_000)
    connection.resumeRequestBody()
    side.clock.pass(199)
    connection.sendHead(response(200))
    side.clock.pass(1_000)
    side.send(data(1, 'x'))
    side.clock.pass(1_000)
    expect(side.requests[0].refused).toBeUndefined()
    expect(side.connection.closed).toBe(false)
  })
})

describe('a response', () => {
  const open = () => openH2ServerSide(answerNothing, { limits, settings: [[SETTINGS_INITIAL_WINDOW_SIZE, 10]] })

  it('of which the client takes nothing is given up', async () => {
    const side = await open()
    side.ask(1)
    side.requests[0].connection.sendHead(response(200))
    side.requests[0].connection.sendBody(Buffer.alloc(20))
    side.clock.pass(199)
    expect(side.requests[0].lost).toBeUndefined()
    side.clock.pass(1)
    await side.flush()
    expect(side.requests[0].lost?.code).toBe('CLIENT_GONE')
    expect(side.parser.resetCode(1)).toBe(ErrorCode.CANCEL)
  })

  it('that is taken slowly is not', async () => {
    const side = await open()
    side.ask(1)
    side.requests[0].respond('x'.repeat(20))
    for (let count = 0; count < 10; count++) {
      side.clock.pass(150)
      side.send(windowUpdate(1, 1))
    }
    await side.flush()
    expect(side.parser.ended(1)).toBe(true)
  })

  it('is given up though the client goes on sending its request', async () => {
    const side = await open()
    side.ask(1, post(), false)
    const [{ connection }] = side.requests
    connection.readRequestBody()
    connection.sendHead(response(200))
    connection.sendBody(Buffer.alloc(20))
    for (let count = 0; count < 4; count++) {
      side.clock.pass(50)
      connection.pauseRequestBody()
      connection.resumeRequestBody()
      side.send(data(1, 'x'))
    }
    expect(side.requests[0].lost?.code).toBe('CLIENT_GONE')
  })

  it('whose end waits in the socket is not cut by keep-alive, nor by draining', async () => {
    for (const drain of [false, true]) {
      const side = await openH2ServerSide((each) => each.respond('x'.repeat(60_000)), { limits })
      side.socket.block()
      side.ask(1)
      await side.flush()
      if (drain) {
        side.connection.drain()
        side.send(ping('draining', true))
      } else side.clock.pass(300)
      side.clock.pass(150)
      expect(side.socket.destroyed).toBe(false)
      side.socket.unblock()
      await side.flush()
      expect(side.parser.content(1)).toHaveLength(60_000)
    }
  })

  it('whose end the client never takes keeps the connection for a while, not for ever', async () => {
    const side = await openH2ServerSide((each) => each.respond('x'.repeat(60_000)), { limits })
    side.socket.block()
    side.ask(1)
    await side.flush()
    for (let count = 0; count < 10; count++) side.clock.pass(1_000)
    expect(side.socket.destroyed).toBe(true)
    expect(side.clock.deadlines.size).toBe(1)
    await side.flush()
    expect(side.clock.deadlines.size).toBe(0)
  })
})

describe('draining', () => {
  it('is told in two steps, and loses nothing that was on its way', async () => {
    const side = await openH2ServerSide(answerNothing, { limits })
    side.ask(1)
    side.connection.drain()
    const [first, asked] = await side.flush()
    expect(first).toMatchObject({ type: 'GOAWAY', code: 0 })
    expect(first.payload.readUInt32BE(0)).toBe(MAX_31_BITS)
    expect(asked).toMatchObject({ type: 'PING', flags: 0 })
    side.ask(3)
    expect(side.requests).toHaveLength(2)
    side.send(ping(asked.payload.toString('latin1'), true))
    const [last] = await side.flush()
    expect(last.payload.readUInt32BE(0)).toBe(3)
    // The client has been told that these do not count: they and all that belongs to them are dropped.
    side.ask(5, post(['x-a', 'b']), false)
    side.send(data(5, 'body'), windowUpdate(5, 5), frame(3, 0, 5, '\0\0\0\x08'), data(5, 'more'))
    side.ask(7)
    expect(await side.flush()).toEqual([])
    expect(side.requests).toHaveLength(2)
    expect(side.connection.closed).toBe(false)
    for (const each of side.requests) each.respond('done')
    await side.flush()
    expect([side.parser.content(1), side.parser.content(3)]).toEqual(['done', 'done'])
    expect(side.socket.writableEnded).toBe(true)
  })

  it('does not wait for the answer to its PING for ever', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.connection.drain()
    side.clock.pass(1_000)
    await side.flush()
    expect(side.parser.seen.filter((one) => one.type === 'GOAWAY')).toHaveLength(2)
    expect(side.socket.writableEnded).toBe(true)
    side.clock.pass(1_000)
    await side.flush()
    expect([side.socket.destroyed, side.handler.closed]).toEqual([true, 1])
  })

  it('begins by itself after the last request that a connection may have', async () => {
    const side = await openH2ServerSide(answerAtOnce, { limits: { maxRequestsPerConnection: 2 } })
    side.ask(1)
    side.ask(3)
    await side.flush()
    expect(side.parser.goAwayCode).toBe(ErrorCode.NO_ERROR)
    expect(side.parser.content(3)).toBe('GET /')
  })

  it('of the client: what it began is answered', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.send(goAway(0))
    side.requests[0].respond('x')
    await side.flush()
    expect(side.parser.content(1)).toBe('x')
  })
})

describe('the end of a connection', () => {
  it('is told to all exchanges', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.ask(3)
    side.socket.destroy()
    await side.flush()
    expect(side.requests.map((each) => each.lost?.code)).toEqual(['CLIENT_GONE', 'CLIENT_GONE'])
    expect(side.handler.closed).toBe(1)
    expect(side.clock.deadlines.size).toBe(0)
  })

  it('by the gateway is told, too', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.connection.destroy()
    await side.flush()
    expect(side.requests[0].lost).toBeDefined()
    side.requests[0].respond('late')
    expect(side.socket.destroyed).toBe(true)
  })

  it('comes when the client closes its side', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.socket.receiveEnd()
    await side.flush()
    await side.flush()
    expect(side.socket.destroyed).toBe(true)
  })
})
