import { describe, expect, it } from 'vitest'
import { ReadBuffers } from '../sockets/read-buffers.ts'
import { openClientSide } from '../testing/client-side.ts'
import { settle } from '../testing/memory-socket.ts'
import { CHUNKED } from './request-head.ts'

describe('request bodies', () => {
  it('with a length leave as they are, the first piece in one write with the head', async () => {
    const side = openClientSide()
    side.ask({ method: 'POST', bodyLength: 6 })
    side.connection.sendBody(Buffer.from('abc'))
    await settle()
    expect(side.socket.writes).toBe(1)
    side.connection.sendBody(Buffer.from('def'))
    side.connection.endBody()
    await settle()
    expect(side.socket.sent).toBe('POST / HTTP/1.1\r\nHost: upstream.test\r\n\r\nabcdef')
    expect(side.connection.bytesSent).toBe(side.socket.sent.length)
  })

  it('in chunks, with trailers', async () => {
    const side = openClientSide()
    side.ask({ method: 'POST', bodyLength: CHUNKED })
    side.connection.sendBody(Buffer.from('abc'))
    side.connection.sendBody(Buffer.alloc(9_000, 'd'))
    side.connection.endBody('X-Sum: 1\r\n')
    await settle()
    expect(side.socket.takeSent().split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe(
      `3\r\nabc\r\n2328\r\n${'d'.repeat(9_000)}\r\n0\r\nX-Sum: 1\r\n\r\n`,
    )
    side.connection.endBody('X-Again: 1\r\n')
    await settle()
    expect(side.socket.takeSent()).toBe('')
  })

  it('say when the queue is full and when it has drained', async () => {
    const side = openClientSide()
    const exchange = side.ask({ method: 'POST', bodyLength: 1_000_000 })
    await settle()
    side.socket.block()
    const sent = [1, 2, 3, 4, 5].map(() => side.connection.sendBody(Buffer.alloc(65_536)))
    expect(sent).toEqual([1, 1, 1, 2, 2])
    expect(side.connection.backlog).toBe(5 * 65_536)
    expect(exchange.drains).toBe(0)
    side.socket.unblock()
    await settle()
    expect(exchange.drains).toBe(1)
    expect(side.connection.backlog).toBe(0)
  })
})

describe('back-pressure on a response', () => {
  it('pauses the socket and goes on', async () => {
    const side = openClientSide()
    const exchange = side.ask()
    side.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc')
    side.connection.pauseBody()
    expect(side.socket.paused).toBe(true)
    side.socket.receive('def')
    expect(exchange.body).toBe('abc')
    side.connection.resumeBody()
    await settle()
    expect(exchange).toMatchObject({ body: 'abcdef', ends: 1 })
  })

  it('reads again for the next request though it was paused within the last read of a body', async () => {
    const side = openClientSide()
    const exchange = side.ask()
    exchange.onEach = () => side.connection.pauseBody()
    side.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n')
    side.socket.receive('z'.repeat(20_000))
    expect(exchange.ends).toBe(1)
    await settle()
    expect(side.socket.paused).toBe(false)
    expect(side.connection.idle).toBe(true)
  })
})

describe('the memory of response bodies', () => {
  const size = 300_000
  const piece = (letter: string): string => letter.repeat(50_000)

  it('of a long body stays untouched while it is held', () => {
    const side = openClientSide()
    const exchange = side.ask()
    exchange.bodyGone = false
    side.socket.receive(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    for (const letter of 'abcdef') side.socket.receive(piece(letter))
    expect(exchange.ends).toBe(1)
    expect(exchange.memory.map((chunk) => Buffer.from(chunk).toString('latin1').slice(0, 3))).toEqual(
      [...'abcdef'].map((letter) => letter.repeat(3)),
    )
    const other = openClientSide()
    other.ask()
    other.socket.receive(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    for (const letter of 'uvwxyz') other.socket.receive(piece(letter))
    expect(exchange.memory.map((chunk) => String.fromCharCode(chunk[0], chunk[chunk.length - 1]))).toEqual(
      [...'abcdef'].map((letter) => letter.repeat(2)),
    )
  })

  it.each([
    ['short with a length', `HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc`, 'defghi', 'abcdefghi'],
    ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', '6\r\ndefghi\r\n', 'abcdefghi'],
    ['until the close', 'HTTP/1.1 200 OK\r\n\r\nabc', 'defghi', 'abcdefghi'],
  ])('of a body that is %s stays untouched, too', (_, first, second, body) => {
    const side = openClientSide()
    const exchange = side.ask()
    exchange.bodyGone = false
    side.socket.receive(first)
    side.socket.receive(second)
    expect(Buffer.concat(exchange.memory).toString('latin1')).toBe(body)
    const other = openClientSide()
    other.ask()
    other.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nanother client’s bytes'.slice(0, 60))
    expect(Buffer.concat(exchange.memory).toString('latin1')).toBe(body)
  })

  it('is given back by connections that end with a long body', () => {
    // More than there are buffers for connections of their own: if one were lost each time, the last would read into the shared one.
    for (let count = 0; count < 200; count++) {
      const side = openClientSide()
      const exchange = side.ask()
      side.socket.receive('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n')
      side.socket.receive('z'.repeat(20_000))
      expect(exchange.ends).toBe(1)
      expect(side.connection.closed).toBe(true)
    }
    const buffers = new ReadBuffers()
    buffers.next(true)
    expect(buffers.isShared).toBe(false)
    buffers.close()
  })

  it('is used again once it was released', () => {
    const side = openClientSide()
    const exchange = side.ask()
    exchange.bodyGone = false
    side.socket.receive(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    side.socket.receive(piece('a'))
    side.connection.releaseBody()
    // The buffer of this read was chosen at the end of the last one.
    side.socket.receive(piece('b'))
    side.socket.receive(piece('c'))
    const [first, second, third] = exchange.memory.map((chunk) => chunk.buffer)
    expect([second === first, third === first]).toEqual([false, true])
  })
})
