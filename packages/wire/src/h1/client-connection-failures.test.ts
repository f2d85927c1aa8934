import { describe, expect, it } from 'vitest'
import { openClientSide, RecordedResponse } from '../testing/client-side.ts'
import { settle } from '../testing/memory-socket.ts'
import { CHUNKED } from './request-head.ts'
import type { RefusalCode } from '../streams/refusal.ts'

describe('too little', () => {
  it.each([
    ['nothing', '', 'CLOSED_BEFORE_RESPONSE'],
    ['half a head', 'HTTP/1.1 200 OK\r\nConte', 'CLOSED_BEFORE_RESPONSE'],
    ['only an informational head', 'HTTP/1.1 100 Continue\r\n\r\n', 'CLOSED_BEFORE_RESPONSE'],
    ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel', 'BODY_CUT'],
    ['a body without its last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'BODY_CUT'],
    ['half a trailer section', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: 1\r\n', 'BODY_CUT'],
  ])('%s, then FIN', async (_, bytes, code) => {
    for (const size of [1, 1_000]) {
      const side = openClientSide()
      const exchange = side.ask()
      side.socket.receiveInPieces(bytes, size)
      side.socket.receiveEnd()
      await settle()
      expect(exchange).toMatchObject({ ends: 1, trailers: undefined })
      expect(exchange.error?.code).toBe(code)
      expect(side.connection.closed).toBe(true)
      expect(side.closed).toBe(1)
    }
  })

  it('a reset before and within the response', async () => {
    const before = openClientSide()
    const first = before.ask()
    before.socket.destroy(new Error('read ECONNRESET'))
    const within = openClientSide()
    const second = within.ask()
    within.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel')
    within.socket.destroy(new Error('read ECONNRESET'))
    await settle()
    expect(first.error?.code).toBe('RESET')
    expect(second.error?.code).toBe('BODY_CUT')
  })
})

describe('garbage', () => {
  const cases: [name: string, bytes: string, code: RefusalCode][] = [
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'STATUS_LINE'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', 'STATUS_LINE'],
    ['TLS', '\x15\x03\x01\x00\x02\x02\x46', 'STATUS_LINE'],
    ['a body without a head', '<html>', 'STATUS_LINE'],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
      'CONTENT_LENGTH_REPEATED',
    ],
    [
      'length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      'LENGTH_AND_ENCODING',
    ],
    [
      'a coding that is not spoken',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
      'TRANSFER_ENCODING_UNKNOWN',
    ],
    ['lines that end in LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', 'BARE_LINE_END'],
    ['obs-fold', 'HTTP/1.1 200 OK\r\nA: 1\r\n 2\r\nContent-Length: 0\r\n\r\n', 'OBS_FOLD'],
    ['a bad chunk size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 'CHUNK_SIZE'],
    ['a chunk that does not end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n', 'CHUNK_END'],
    [
      'a trailer that must not be one',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nSet-Cookie: a=b\r\n\r\n',
      'TRAILER',
    ],
    [
      'an upgrade nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n',
      'UNEXPECTED_UPGRADE',
    ],
  ]
  it.each(cases)('%s is a bad response', (_, bytes, code) => {
    for (const size of [1, 1_000]) {
      const side = openClientSide()
      const exchange = side.ask()
      side.socket.receiveInPieces(bytes, size)
      expect(exchange.error?.code).toBe('BAD_RESPONSE')
      expect(exchange.error?.refusal?.code).toBe(code)
      expect(exchange.ends).toBe(1)
      expect(side.connection.closed).toBe(true)
    }
  })

  it('a head larger than the limit is refused, in whatever reads it comes', () => {
    for (const maxHeadBytes of [1_000, 9_000]) {
      for (const size of [1, 900, 100_000]) {
        const side = openClientSide({ maxHeadBytes })
        const exchange = side.ask()
        const start = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: '
        const fits = `${start}${'x'.repeat(maxHeadBytes - start.length - 4)}\r\n\r\n`
        side.socket.receiveInPieces(fits, size)
        expect(exchange.head?.byteLength).toBe(maxHeadBytes)
        const next = side.ask()
        side.socket.receiveInPieces(fits.replace('X: ', 'X: x'), size)
        expect(next.error?.refusal?.code).toBe('HEAD_TOO_LARGE')
      }
    }
  })

  it('informational responses without end are refused', () => {
    const side = openClientSide()
    const exchange = side.ask()
    for (let count = 0; count < 16; count++) side.socket.receive('HTTP/1.1 103 Early Hints\r\n\r\n')
    expect(exchange.error).toBeUndefined()
    side.socket.receive('HTTP/1.1 103 Early Hints\r\n\r\n')
    expect(exchange.error?.code).toBe('BAD_RESPONSE')
    expect(exchange.informational).toHaveLength(16)
  })
})

describe('never', () => {
  it('a response that does not come is a read timeout', () => {
    const side = openClientSide()
    const exchange = side.ask({ readTimeoutMs: 500 })
    side.clock.pass(499)
    expect(exchange.error).toBeUndefined()
    side.clock.pass(1)
    expect(exchange.error?.code).toBe('READ_TIMEOUT')
  })

  it('each read gives a body its time again', () => {
    const side = openClientSide()
    const exchange = side.ask({ readTimeoutMs: 500 })
    side.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
    for (const byte of 'hell') {
      side.clock.pass(400)
      side.socket.receive(byte)
    }
    expect(exchange.error).toBeUndefined()
    side.clock.pass(500)
    expect(exchange.error?.code).toBe('READ_TIMEOUT')
  })

  it('does not count while the client is the slow one', () => {
    const side = openClientSide()
    const exchange = side.ask({ readTimeoutMs: 500 })
    side.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe')
    side.connection.pauseBody()
    side.clock.pass(10_000)
    expect(exchange.error).toBeUndefined()
    side.connection.resumeBody()
    side.clock.pass(500)
    expect(exchange.error?.code).toBe('READ_TIMEOUT')
  })

  it('an upstream that takes no byte of the request is a write timeout', async () => {
    const side = openClientSide()
    side.socket.block()
    const exchange = side.ask({ method: 'POST', bodyLength: 10, writeTimeoutMs: 300, readTimeoutMs: 500 })
    side.connection.sendBody(Buffer.from('12345'))
    await settle()
    side.clock.pass(300)
    expect(exchange.error?.code).toBe('WRITE_TIMEOUT')
  })

  it('a client that pauses within its body is not the upstream’s fault', async () => {
    for (const bodyLength of [10, CHUNKED]) {
      const side = openClientSide()
      const exchange = side.ask({ method: 'POST', bodyLength, writeTimeoutMs: 300, readTimeoutMs: 500 })
      side.connection.sendBody(Buffer.from('12345'))
      await settle()
      side.clock.pass(10_000)
      expect(exchange.error).toBeUndefined()
      side.socket.block()
      side.connection.sendBody(Buffer.from('67890'))
      side.connection.endBody()
      side.socket.unblock()
      await settle()
      side.clock.pass(499)
      expect(exchange.error).toBeUndefined()
      side.clock.pass(1)
      expect(exchange.error?.code).toBe('READ_TIMEOUT')
    }
  })

  it('a queue that was full and has drained is no write timeout either', async () => {
    const side = openClientSide()
    const exchange = side.ask({ method: 'POST', bodyLength: 400_000, writeTimeoutMs: 300 })
    side.socket.block()
    side.connection.sendBody(Buffer.alloc(300_000))
    await settle()
    side.socket.unblock()
    await settle()
    expect(exchange.drains).toBe(1)
    side.clock.pass(10_000)
    expect(exchange.error).toBeUndefined()
  })

  it('nobody is told of an idle connection that timed out', () => {
    const side = openClientSide()
    const exchange = side.ask({ readTimeoutMs: 500 })
    side.socket.receive('HTTP/1.1 204 No Content\r\n\r\n')
    side.connection.deadline = side.clock.now() + 100
    side.clock.pass(100)
    expect(exchange.ends).toBe(1)
    expect(side.connection.closed).toBe(true)
  })
})

describe('an early response', () => {
  it('is delivered, and the connection is not used again', async () => {
    const side = openClientSide()
    const exchange = side.ask({ method: 'POST', bodyLength: 10 })
    side.connection.sendBody(Buffer.from('12345'))
    await settle()
    side.socket.receive('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno')
    expect(exchange).toMatchObject({ body: 'no', ends: 1, error: undefined })
    expect(side.connection.closed).toBe(true)
    side.connection.sendBody(Buffer.from('67890'))
    side.connection.endBody()
    await settle()
    expect(side.socket.sent).toMatch(/12345$/)
  })

  it('may be streamed while the request still is', async () => {
    const side = openClientSide()
    const exchange = side.ask({ method: 'POST', bodyLength: CHUNKED })
    side.socket.receive('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
    side.connection.sendBody(Buffer.from('12345'))
    side.connection.endBody()
    side.socket.receive('3\r\ndef\r\n0\r\n\r\n')
    await settle()
    expect(exchange).toMatchObject({ body: 'abcdef', ends: 1 })
    expect(side.connection.idle).toBe(true)
  })
})

it('is told nothing more once it was discarded', async () => {
  const side = openClientSide()
  const exchange = new RecordedResponse()
  side.ask({ exchange, readTimeoutMs: 10 })
  side.connection.discard()
  side.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  side.clock.pass(1_000)
  await settle()
  expect(exchange).toMatchObject({ ends: 0, head: undefined })
  expect(side.closed).toBe(1)
  expect(side.clock.deadlines.size).toBe(0)
})
