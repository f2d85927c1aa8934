import { NO_TIMEOUTS } from '../streams/client-stream.ts'
import { requestOf } from '../testing/request-of.ts'
import { describe, expect, it } from 'vitest'
import { openClientSide, RecordedResponse, ClientSide } from '../testing/client-side.ts'
import { settle } from '../testing/memory-socket.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
const OK_CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'

describe('a response in one read', () => {
  it('comes whole, and leaves the connection idle', () => {
    const { connection, socket, ...side } = openClientSide()
    const exchange = new RecordedResponse()
    connection.sendRequest(exchange, requestOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 0, NO_TIMEOUTS)
    expect(socket.sent).toBe('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    socket.receive(OK)
    expect(exchange).toMatchObject({ whole: true, body: 'hello', trailers: '', ends: 1 })
    expect(exchange.head).toMatchObject({ status: 200, reason: 'OK', bodyLength: 5 })
    expect(connection.idle).toBe(true)
    expect(connection.bytesReceived).toBe(OK.length)
    expect(side.closed).toBe(0)
  })

  it('comes whole when it is chunked, with its trailers', () => {
    const side = openClientSide()
    const exchange = side.ask()
    side.socket.receive(OK_CHUNKED.replace('0\r\n\r\n', '0\r\nX-Sum: 1\r\n\r\n'))
    expect(exchange).toMatchObject({ whole: true, body: 'hello', trailers: 'X-Sum: 1\r\n', ends: 1 })
    expect(side.connection.idle).toBe(true)
  })

  it.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello'],
    ['chunked', 'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['by HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  ])('reaches its exchange though the upstream closes after it: %s', (_, bytes) => {
    const side = openClientSide()
    const exchange = side.ask()
    side.socket.receive(bytes)
    expect(exchange).toMatchObject({ whole: true, body: 'hello', ends: 1, error: undefined })
    expect(side.connection.closed).toBe(true)
    expect(side.closed).toBe(1)
  })

  it.each([
    ['with a length', OK],
    ['chunked', OK_CHUNKED],
    ['in single bytes', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  ])('is delivered though more follows, which nobody ever sees: %s', (name, bytes) => {
    const side = openClientSide()
    const exchange = side.ask()
    if (name === 'in single bytes') {
      side.socket.receiveInPieces(bytes.slice(0, -1), 1)
      side.socket.receive(`o${OK.replace('hello', 'EVIL!')}`)
    } else side.socket.receive(bytes + OK.replace('hello', 'EVIL!'))
    expect(exchange).toMatchObject({ body: 'hello', ends: 1, error: undefined })
    expect(side.connection.closed).toBe(true)
    expect(side.socket.destroyed).toBe(true)
  })

  it('with a body larger than the usual text is streamed', () => {
    const side = openClientSide()
    const exchange = side.ask()
    const body = 'b'.repeat(30_000)
    side.socket.receive(`HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n${body}`)
    expect(exchange).toMatchObject({ whole: false, body, trailers: '', ends: 1 })
    expect(side.connection.idle).toBe(true)
  })
})

describe('a response in single bytes', () => {
  it.each([
    ['with a length', OK, ''],
    ['chunked', OK_CHUNKED, ''],
    ['chunked with trailers', OK_CHUNKED.replace('0\r\n\r\n', '0\r\nA: 1\r\nB: 2\r\n\r\n'), 'A: 1\r\nB: 2\r\n'],
    ['without a reason', 'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello', ''],
    [
      'behind two informational ones',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`,
      '',
    ],
  ])('is the same: %s', (_, bytes, trailers) => {
    const side = openClientSide()
    const exchange = side.ask()
    side.socket.receiveInPieces(bytes, 1)
    expect(exchange).toMatchObject({ body: 'hello', trailers, ends: 1, error: undefined })
    expect(side.connection.idle).toBe(true)
  })

  it('tells informational heads as they come', () => {
    const side = openClientSide()
    const exchange = side.ask()
    side.socket.receive('HTTP/1.1 100 Continue\r\n\r\n')
    side.socket.receive('HTTP/1.1 103 Early Hints\r\n\r\n')
    expect(exchange.informational).toEqual([100, 103])
    expect(exchange.head).toBeUndefined()
  })
})

describe('responses without a body', () => {
  it.each([
    ['HEAD with a length', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'],
    ['HEAD chunked', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['HEAD without framing', 'HEAD', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['304 with a length', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
    ['200 of length 0', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ])('end with their head: %s', (_, method, bytes) => {
    for (const size of [1, bytes.length]) {
      const side = openClientSide()
      const exchange = side.ask({ method })
      side.socket.receiveInPieces(bytes, size)
      expect(exchange).toMatchObject({ body: '', trailers: '', ends: 1 })
      expect(side.connection.idle).toBe(true)
    }
  })

  it.each(['HEAD', 'GET'])('close the connection if a body comes all the same (%s)', (method) => {
    const side = openClientSide()
    const exchange = side.ask({ method })
    side.socket.receive(method === 'HEAD' ? OK : 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello')
    expect(exchange).toMatchObject({ body: '', ends: 1, error: undefined })
    expect(side.connection.closed).toBe(true)
  })
})

describe('a body that ends with the connection', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\n\r\n'

  it('is complete at FIN', async () => {
    const side = openClientSide()
    const exchange = side.ask()
    side.socket.receive(`${HEAD}abc`)
    side.socket.receive('def')
    expect(exchange.complete).toBe(false)
    side.socket.receiveEnd()
    await settle()
    expect(exchange).toMatchObject({ body: 'abcdef', trailers: '', ends: 1, error: undefined })
    expect(side.connection.closed).toBe(true)
  })

  it('is cut when the connection is lost otherwise', async () => {
    for (const error of [new Error('read ECONNRESET'), undefined]) {
      const side = openClientSide()
      const exchange = side.ask()
      side.socket.receive(`${HEAD}abc`)
      side.socket.destroy(error)
      await settle()
      expect(exchange).toMatchObject({ trailers: undefined, ends: 1 })
      expect(exchange.error?.code).toBe('BODY_CUT')
    }
  })
})

describe('connecting', () => {
  it('tells the exchange, which may then send', () => {
    const side = new ClientSide()
    const exchange = new RecordedResponse()
    side.connection.connectFor(exchange, 1_000)
    expect(side.connection.idle).toBe(false)
    side.connection.onConnected()
    expect(exchange.connects).toBe(1)
    side.ask({ exchange })
    side.socket.receive(OK)
    expect(exchange.body).toBe('hello')
  })

  it('takes too long', () => {
    const side = new ClientSide()
    const exchange = new RecordedResponse()
    side.connection.connectFor(exchange, 1_000)
    side.clock.pass(999)
    expect(exchange.error).toBeUndefined()
    side.clock.pass(1)
    expect(exchange.error?.code).toBe('CONNECT_TIMEOUT')
    expect(exchange.error?.beforeConnect).toBe(true)
    expect(side.closed).toBe(1)
  })

  it.each([
    ['ECONNREFUSED', 'CONNECT_REFUSED'],
    ['EHOSTUNREACH', 'CONNECT_FAILED'],
    ['CERT_HAS_EXPIRED', 'TLS_CERTIFICATE'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS_HANDSHAKE'],
  ])('fails with %s: %s', async (code, expected) => {
    const side = new ClientSide()
    const exchange = new RecordedResponse()
    side.connection.connectFor(exchange, 0)
    side.socket.destroy(Object.assign(new Error(code), { code }))
    await settle()
    expect(exchange.error).toMatchObject({ code: expected, beforeConnect: true })
    expect(exchange.ends).toBe(1)
  })

  it('is hung up on', async () => {
    const side = new ClientSide()
    const exchange = new RecordedResponse()
    side.connection.connectFor(exchange, 0)
    side.socket.destroy()
    await settle()
    expect(exchange.error?.code).toBe('CONNECT_FAILED')
  })

  it('sends no byte of a body before the head of its request', () => {
    const side = new ClientSide()
    const exchange = new RecordedResponse()
    side.connection.connectFor(exchange, 1_000)
    side.connection.sendBody(Buffer.from('too early'))
    side.connection.endBody()
    expect(side.socket.sent).toBe('')
    side.clock.pass(1_000)
    expect(exchange.error?.code).toBe('CONNECT_TIMEOUT')
  })
})

describe('between two requests', () => {
  it.each([
    ['a byte', 'x'],
    ['a whole response', OK],
  ])('%s closes the connection', (_, bytes) => {
    const side = openClientSide()
    side.ask()
    side.socket.receive(OK)
    side.socket.receive(bytes)
    expect(side.connection.closed).toBe(true)
    expect(side.closed).toBe(1)
  })

  it('FIN closes the connection', async () => {
    const side = openClientSide()
    side.socket.receiveEnd()
    await settle()
    expect(side.connection.closed).toBe(true)
    expect(side.closed).toBe(1)
  })

  it('the connection serves one request after the other', () => {
    const side = openClientSide()
    for (let count = 1; count <= 5; count++) {
      const exchange = side.ask()
      side.socket.receive(OK.replace('hello', `hell${count}`))
      expect(exchange.body).toBe(`hell${count}`)
      expect(side.connection.requestCount).toBe(count)
    }
    expect(side.closed).toBe(0)
  })

  it('a request may follow within the end of the one before', () => {
    const side = openClientSide()
    const first = new RecordedResponse()
    const second = new RecordedResponse()
    first.onEnd = () => side.ask({ exchange: second })
    side.ask({ exchange: first })
    side.socket.receive(OK)
    side.socket.receive(OK.replace('hello', 'again'))
    expect([first.body, second.body]).toEqual(['hello', 'again'])
    expect([first.ends, second.ends]).toEqual([1, 1])
  })
})
