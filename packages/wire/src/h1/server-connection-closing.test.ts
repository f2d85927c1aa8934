import { describe, expect, it } from 'vitest'
import { settle } from '../testing/memory-socket.ts'
import { answerAtOnce, answerNothing, openServerSide, readBody, response } from '../testing/server-side.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n'

describe('a client that closed its side', () => {
  it('gets the answer to what it asked for completely', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(GET)
    side.socket.receiveEnd()
    await settle()
    expect(side.requests[0].lost).toBeUndefined()
    side.requests[0].respond('still')
    await settle()
    expect(side.socket.sent).toBe('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nstill')
    expect(side.socket.destroyed).toBe(true)
  })

  it('gets all of its pipelined answers', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(GET.repeat(3))
    side.socket.receiveEnd()
    for (let at = 0; at < 3; at++) {
      await settle()
      side.requests[at].respond(`${at}`)
    }
    await settle()
    expect(side.socket.sent.match(/\r\n\r\n\d/g)).toEqual(['\r\n\r\n0', '\r\n\r\n1', '\r\n\r\n2'])
    await settle()
    expect(side.socket.destroyed).toBe(true)
  })

  it('gets a streamed answer to its end', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(GET)
    side.connection.sendHead(response(200))
    side.connection.sendBody(Buffer.from('one'))
    side.socket.receiveEnd()
    await settle()
    side.connection.sendBody(Buffer.from('two'))
    side.connection.endBody()
    await settle()
    expect(side.socket.sent).toMatch(/3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n$/)
    expect(side.socket.destroyed).toBe(true)
  })

  it('within its body is gone', async () => {
    const side = openServerSide(readBody)
    side.socket.receive(`${POST}123`)
    side.socket.receiveEnd()
    await settle()
    expect(side.requests[0]).toMatchObject({ body: '123', trailers: undefined })
    expect(side.requests[0].lost?.code).toBe('CLIENT_GONE')
    expect(side.socket.destroyed).toBe(true)
  })

  it.each([
    ['without a word', ''],
    ['within a head', GET.slice(0, 9)],
    ['after an empty line', '\r\n'],
  ])('%s is closed without an answer', async (_, bytes) => {
    const side = openServerSide(answerAtOnce)
    if (bytes !== '') side.socket.receive(bytes)
    side.socket.receiveEnd()
    await settle()
    await settle()
    expect(side.socket.sent).toBe('')
    expect(side.socket.destroyed).toBe(true)
    expect(side.handler.closed).toBe(1)
    expect(side.clock.deadlines.size).toBe(0)
  })
})

describe('a client that is gone', () => {
  it.each([new Error('read ECONNRESET'), undefined])('is told to the exchange, once (%s)', async (error) => {
    const side = openServerSide(answerNothing)
    side.socket.receive(GET)
    side.socket.destroy(error)
    await settle()
    const [request] = side.requests
    expect(request.lost?.code).toBe('CLIENT_GONE')
    expect(side.connection.exchange).toBeUndefined()
    expect(side.handler.closed).toBe(1)
    request.respond('to nobody')
    side.connection.sendBody(Buffer.from('x'))
    side.connection.endBody()
    expect(side.socket.sent).toBe('')
  })

  it('is not told when the exchange was over', async () => {
    const side = openServerSide(answerAtOnce)
    side.socket.receive(GET)
    side.socket.destroy()
    await settle()
    expect(side.requests[0].lost).toBeUndefined()
    expect(side.handler.closed).toBe(1)
  })
})

describe('drain', () => {
  it('lets an idle connection ask once more, for a second', async () => {
    const side = openServerSide(answerAtOnce)
    side.socket.receive(GET)
    side.options.draining = true
    side.connection.drain()
    side.clock.pass(999)
    side.socket.receive(GET)
    await settle()
    expect(side.requests).toHaveLength(2)
    expect(side.socket.sent.match(/Connection: close/g)).toHaveLength(1)
    expect(side.socket.writableEnded).toBe(true)
    const quiet = openServerSide(answerAtOnce)
    quiet.options.draining = true
    quiet.connection.drain()
    quiet.clock.pass(1_000)
    expect(quiet.socket.destroyed).toBe(true)
  })

  it('finishes the request in flight, and none after it', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(GET + GET)
    side.options.draining = true
    side.connection.drain()
    await settle()
    side.requests[0].respond('last')
    await settle()
    expect(side.socket.sent).toContain('Connection: close\r\n\r\nlast')
    expect(side.requests).toHaveLength(1)
  })

  it('lets a connection ask once more whose response had begun, and not said that it was the last', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(GET)
    side.connection.sendHead(response(200, { 'Content-Length': '2' }))
    side.options.draining = true
    side.connection.drain()
    side.connection.sendBody(Buffer.from('ok'))
    side.connection.endBody()
    await settle()
    expect(side.socket.sent).toMatch(/ok$/)
    expect(side.socket.writableEnded).toBe(false)
    side.clock.pass(999)
    side.socket.receive(GET)
    await settle()
    side.requests[1].respond('last')
    await settle()
    expect(side.socket.sent).toContain('Connection: close\r\n\r\nlast')
    expect(side.socket.writableEnded).toBe(true)
  })

  it('closes a connection that asks for nothing more after such a response', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(GET)
    side.connection.sendHead(response(200, { 'Content-Length': '2' }))
    side.options.draining = true
    side.connection.drain()
    side.connection.sendBody(Buffer.from('ok'))
    side.connection.endBody()
    side.clock.pass(1_000)
    expect(side.socket.destroyed).toBe(true)
  })
})

describe('a response that cannot be completed', () => {
  it.each([
    ['a missing end of chunks', GET, {}, false, /3\r\nabc\r\n$/],
    ['missing bytes', GET, { 'Content-Length': '9' }, false, /\r\n\r\nabc$/],
    ['a reset where the close would be the end', 'GET / HTTP/1.0\r\n\r\n', {}, true, /^/],
  ])('shows by %s', async (_, head, fields, reset, sent) => {
    const side = openServerSide(answerNothing)
    side.socket.receive(head)
    side.connection.sendHead(response(200, fields))
    side.connection.sendBody(Buffer.from('abc'))
    side.connection.cut()
    await settle()
    expect(side.socket.sent).toMatch(sent)
    expect(side.socket.sent).not.toContain('0\r\n\r\n')
    expect(side.socket.wasReset).toBe(reset)
    expect(side.socket.destroyed).toBe(true)
    expect(side.requests[0].lost).toBeUndefined()
  })
})

it('destroy cuts the exchange off', async () => {
  const side = openServerSide(answerNothing)
  side.socket.receive(GET)
  side.connection.destroy()
  await settle()
  expect(side.requests[0].lost?.code).toBe('CLIENT_GONE')
  expect(side.handler.closed).toBe(1)
})

describe('a refused head', () => {
  it('closes the connection though nobody answers', async () => {
    const side = openServerSide(answerAtOnce)
    side.handler.refuse = () => {}
    side.socket.receive('nonsense\r\n\r\n')
    await settle()
    expect(side.socket.sent).toBe('')
    expect(side.socket.writableEnded).toBe(true)
  })

  it('is refused before its end where its lines are wrong or it is too long', () => {
    const cases: [string, string][] = [
      ['GET / HTTP/1.1\nHost: a\n\n', 'BARE_LINE_END'],
      ['GET / HTTP/1.1\rHost', 'BARE_LINE_END'],
      [`GET /${'a'.repeat(40_000)}`, 'TARGET_TOO_LONG'],
      [`GET / HTTP/1.1\r\n${'A: 1\r\n'.repeat(7_000)}`, 'HEAD_TOO_LARGE'],
    ]
    for (const [bytes, code] of cases) {
      const side = openServerSide(answerAtOnce)
      side.socket.receive(bytes)
      expect(side.handler.refusals.map((each) => each.code)).toEqual([code])
    }
  })

  it('has the same limit of its size in whatever reads it comes', () => {
    const start = 'GET / HTTP/1.1\r\nHost: a\r\nX: '
    const fits = `${start}${'x'.repeat(1_000 - start.length - 4)}\r\n\r\n`
    for (const size of [1, 999, 1_000, 5_000]) {
      const side = openServerSide(answerAtOnce, { maxHeadBytes: 1_000 })
      side.socket.receiveInPieces(fits, size)
      expect(side.requests).toHaveLength(1)
      side.socket.receiveInPieces(fits.replace('X: ', 'X: x'), size)
      expect(side.handler.refusals.map((each) => each.code)).toEqual(['HEAD_TOO_LARGE'])
    }
  })
})
