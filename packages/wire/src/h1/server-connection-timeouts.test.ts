import { describe, expect, it } from 'vitest'
import { settle } from '../testing/memory-socket.ts'
import { answerAtOnce, answerNothing, openServerSide, readBody, response } from '../testing/server-side.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n'
const TIMES = { headerTimeoutMs: 100, bodyTimeoutMs: 200, keepAliveTimeoutMs: 300 }

describe('the head', () => {
  it('of a new connection has its time from the start; nothing at all is closed without a word', async () => {
    const side = openServerSide(answerAtOnce, TIMES)
    side.clock.pass(99)
    expect(side.socket.destroyed).toBe(false)
    side.clock.pass(1)
    await settle()
    expect(side.socket.destroyed).toBe(true)
    expect(side.socket.sent).toBe('')
    expect(side.handler.closed).toBe(1)
  })

  it('that is not whole in time is answered 408', async () => {
    const side = openServerSide(answerAtOnce, TIMES)
    side.socket.receive(GET.slice(0, 10))
    for (const byte of GET.slice(10, 14)) {
      side.clock.pass(20)
      side.socket.receive(byte)
    }
    side.clock.pass(20)
    expect(side.handler.refusals.map((each) => each.code)).toEqual(['HEAD_TIMEOUT'])
    await settle()
    expect(side.socket.sent).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n[^]*Connection: close\r\n\r\n$/)
    expect(side.socket.writableEnded).toBe(true)
  })

  it('of a later request has its time from its first byte', () => {
    const side = openServerSide(answerAtOnce, TIMES)
    side.socket.receive(GET)
    side.clock.pass(250)
    side.socket.receive('G')
    side.clock.pass(99)
    expect(side.handler.refusals).toHaveLength(0)
    side.clock.pass(1)
    expect(side.handler.refusals.map((each) => each.code)).toEqual(['HEAD_TIMEOUT'])
  })

  it('has all the time there is when the limit is 0', () => {
    const side = openServerSide(answerAtOnce, { headerTimeoutMs: 0, keepAliveTimeoutMs: 0 })
    side.clock.pass(1_000_000)
    side.socket.receive(GET.slice(0, 10))
    side.clock.pass(1_000_000)
    side.socket.receive(GET.slice(10))
    side.clock.pass(1_000_000)
    side.socket.receive(GET)
    expect(side.requests).toHaveLength(2)
  })
})

describe('keep-alive', () => {
  it('ends without a word', async () => {
    const side = openServerSide(answerAtOnce, TIMES)
    side.socket.receive(GET)
    side.clock.pass(299)
    expect(side.socket.destroyed).toBe(false)
    side.clock.pass(1)
    await settle()
    expect(side.socket.destroyed).toBe(true)
    expect(side.handler.refusals).toHaveLength(0)
  })

  it('does not run while a request is answered', async () => {
    const side = openServerSide(answerNothing, TIMES)
    side.socket.receive(GET)
    side.clock.pass(1_000_000)
    await settle()
    expect(side.socket.destroyed).toBe(false)
    side.requests[0].respond('late')
    expect(side.socket.sent).toContain('late')
  })
})

describe('the body', () => {
  it('that stops is answered 408 through the exchange', async () => {
    const side = openServerSide(readBody, TIMES)
    side.socket.receive(`${POST}123`)
    side.clock.pass(150)
    side.socket.receive('456')
    side.clock.pass(199)
    expect(side.requests[0].refused).toBeUndefined()
    side.clock.pass(1)
    expect(side.requests[0].refused?.code).toBe('BODY_TIMEOUT')
    side.requests[0].respond('', {}, 408)
    await settle()
    expect(side.socket.sent).toContain('HTTP/1.1 408')
    expect(side.socket.writableEnded).toBe(true)
  })

  it('that stops when the response has begun costs the connection', async () => {
    const side = openServerSide(readBody, TIMES)
    side.socket.receive(`${POST}123`)
    side.connection.sendHead(response(200))
    side.clock.pass(200)
    await settle()
    expect(side.requests[0].lost?.code).toBe('CLIENT_GONE')
    expect(side.socket.destroyed).toBe(true)
  })

  it('has no time limit while it is not wanted, or stopped', () => {
    const side = openServerSide(answerNothing, TIMES)
    side.socket.receive(POST)
    side.clock.pass(1_000)
    side.connection.readRequestBody()
    side.socket.receive('123')
    side.connection.pauseRequestBody()
    side.clock.pass(1_000)
    expect(side.requests[0].refused).toBeUndefined()
    side.connection.resumeRequestBody()
    side.clock.pass(200)
    expect(side.requests[0].refused?.code).toBe('BODY_TIMEOUT')
  })

  it('nobody wanted is dropped in time or costs the connection', async () => {
    const side = openServerSide(answerAtOnce, TIMES)
    side.socket.receive(POST)
    expect(side.socket.sent).toContain('200 OK')
    side.clock.pass(200)
    await settle()
    expect(side.socket.destroyed).toBe(true)
  })
})

describe('a response', () => {
  it('that the client does not take costs the connection', async () => {
    const side = openServerSide(answerNothing, TIMES)
    side.socket.receive(GET)
    side.connection.sendHead(response(200, { 'Content-Length': '500000' }))
    await settle()
    side.socket.block()
    side.connection.sendBody(Buffer.alloc(300_000))
    side.clock.pass(200)
    await settle()
    expect(side.requests[0].lost?.code).toBe('CLIENT_GONE')
    expect(side.socket.destroyed).toBe(true)
  })

  it.each([
    ['with a length', { 'Content-Length': '500000' }],
    ['in chunks', {}],
  ])('may pause for as long as the upstream likes, %s', async (_, fields) => {
    const side = openServerSide(answerNothing, TIMES)
    side.socket.receive(GET)
    side.connection.sendHead(response(200, fields))
    side.connection.sendBody(Buffer.alloc(1_000))
    await settle()
    side.clock.pass(100_000)
    expect(side.requests[0].lost).toBeUndefined()
    side.socket.block()
    side.connection.sendBody(Buffer.alloc(300_000))
    await settle()
    side.socket.unblock()
    await settle()
    expect(side.requests[0].drains).toBe(1)
    side.clock.pass(100_000)
    expect(side.requests[0].lost).toBeUndefined()
  })

  it('is not the client’s fault while its body waits for the upstream', async () => {
    const side = openServerSide(readBody, TIMES)
    side.socket.receive(`${POST}123`)
    side.connection.pauseRequestBody()
    side.connection.sendHead(response(200, { 'Content-Length': '500000' }))
    side.connection.sendBody(Buffer.alloc(1_000))
    await settle()
    side.clock.pass(100_000)
    expect(side.requests[0].lost).toBeUndefined()
  })
})

describe('a closing connection', () => {
  const CLOSE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

  it('reads what the client still sends, then goes', async () => {
    const side = openServerSide(answerAtOnce, TIMES)
    side.socket.receive(CLOSE)
    await settle()
    expect(side.socket.writableFinished).toBe(true)
    expect(side.socket.destroyed).toBe(false)
    side.socket.receive(GET)
    expect(side.requests).toHaveLength(1)
    side.clock.pass(4_999)
    expect(side.socket.destroyed).toBe(false)
    side.clock.pass(1)
    expect(side.socket.destroyed).toBe(true)
  })

  it('goes when the client closes, too', async () => {
    const side = openServerSide(answerAtOnce, TIMES)
    side.socket.receive(CLOSE)
    side.socket.receiveEnd()
    await settle()
    await settle()
    expect(side.socket.destroyed).toBe(true)
    expect(side.handler.closed).toBe(1)
    expect(side.clock.deadlines.size).toBe(0)
  })

  it('reads no more than 16 megabytes', async () => {
    const side = openServerSide(answerAtOnce, TIMES)
    side.socket.receive(CLOSE)
    await settle()
    for (let count = 0; count < 256; count++) side.socket.receive(Buffer.alloc(65_536))
    expect(side.socket.destroyed).toBe(false)
    side.socket.receive('x')
    expect(side.socket.destroyed).toBe(true)
  })

  it('gives a slow client the time to take the end of its answer', async () => {
    const side = openServerSide((request) => request.respond('b'.repeat(200_000)), { ...TIMES, bodyTimeoutMs: 60_000 })
    side.socket.block()
    side.socket.receive(CLOSE)
    await settle()
    side.clock.pass(30_000)
    expect(side.socket.destroyed).toBe(false)
    side.socket.unblock()
    await settle()
    expect(side.socket.sent.split('\r\n\r\n')[1]).toHaveLength(200_000)
    side.clock.pass(60_000)
    expect(side.socket.destroyed).toBe(true)
  })

  it('does not wait for ever for a client that takes nothing', async () => {
    const side = openServerSide((request) => request.respond('b'.repeat(200_000)), TIMES)
    side.socket.block()
    side.socket.receive(CLOSE)
    await settle()
    for (let count = 0; count < 3; count++) side.clock.pass(5_000)
    expect(side.socket.destroyed).toBe(true)
  })

  it('nor does one that was cut', async () => {
    const side = openServerSide(answerNothing, TIMES)
    side.socket.receive(GET)
    side.socket.block()
    side.connection.sendHead(response(200, { 'Content-Length': '500000' }))
    await settle()
    side.connection.cut()
    side.clock.pass(1_000)
    expect(side.socket.destroyed).toBe(false)
    for (let count = 0; count < 3; count++) side.clock.pass(5_000)
    expect(side.socket.destroyed).toBe(true)
  })
})
