import { describe, expect, it } from 'vitest'
import { settle } from '../testing/memory-socket.ts'
import {
  answerAtOnce,
  answerNothing,
  echo,
  openServerSide,
  response,
  type RecordedRequest,
  type ServerSide,
} from '../testing/server-side.ts'

const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
/** The bodies of the responses sent so far, which all have a length. */
const bodies = (side: ServerSide): string[] =>
  [...side.socket.sent.matchAll(/\r\n\r\n([^\r]*?)(?=HTTP\/1\.1 |$)/g)].map((one) => one[1])

describe('keep-alive', () => {
  it.each([1, 7, 10_000])('requests one after the other, in reads of %i bytes', async (size) => {
    const side = openServerSide(answerAtOnce)
    for (const target of ['/1', '/2', '/3']) side.socket.receiveInPieces(get(target), size)
    await settle()
    expect(bodies(side)).toEqual(['GET /1', 'GET /2', 'GET /3'])
    expect(side.connection.requestNumber).toBe(3)
    expect(side.socket.sent).not.toContain('Connection')
    expect(side.handler).toMatchObject({ opened: 1, closed: 0 })
    expect(side.connection.idle).toBe(true)
  })

  it('an empty line before a request is forgiven, two are not', async () => {
    const side = openServerSide(answerAtOnce)
    side.socket.receive(`\r\n${get('/1')}`)
    side.socket.receiveInPieces(`\r\n${get('/2')}`, 1)
    expect(side.requests.map((each) => each.head.target)).toEqual(['/1', '/2'])
    side.socket.receive(`\r\n\r\n${get('/3')}`)
    expect(side.handler.refusals.map((each) => each.code)).toEqual(['REQUEST_LINE'])
  })

  it('ends when the client asks for it', async () => {
    const side = openServerSide(answerAtOnce)
    side.socket.receive(get('/1', 'Connection: close\r\n') + get('/2'))
    await settle()
    expect(bodies(side)).toEqual(['GET /1'])
    expect(side.socket.sent).toContain('\r\nConnection: close\r\n')
    expect(side.requests).toHaveLength(1)
    expect(side.socket.writableEnded).toBe(true)
  })

  it('ends after the last request that is allowed', async () => {
    const side = openServerSide(answerAtOnce, { maxRequestsPerConnection: 2 })
    side.socket.receive(get('/1') + get('/2') + get('/3'))
    await settle()
    expect(bodies(side)).toEqual(['GET /1', 'GET /2'])
    expect(side.socket.sent.match(/Connection: close/g)).toHaveLength(1)
  })

  it('tells the client of HTTP/1.0 what becomes of the connection', async () => {
    const kept = openServerSide(answerAtOnce)
    kept.socket.receive('GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    kept.socket.receive('GET /2 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n')
    await settle()
    expect(bodies(kept)).toEqual(['GET /1', 'GET /2'])
    expect(kept.socket.sent.match(/\r\nConnection: keep-alive\r\n/g)).toHaveLength(2)
    const closed = openServerSide(answerAtOnce)
    closed.socket.receive('GET /1 HTTP/1.0\r\n\r\n')
    await settle()
    expect(closed.socket.sent).toContain('\r\nConnection: close\r\n')
    expect(closed.socket.writableEnded).toBe(true)
  })

  it('counts the bytes of each exchange, also of the last one', async () => {
    const seen: number[][] = []
    const side = openServerSide((request) => {
      const { connection } = request
      request.onEnd = () => {
        request.respond('answer')
        seen.push([connection.bytesReceived, connection.bytesSent])
      }
      if (request.head.bodyLength === 0) request.onEnd()
      else connection.readRequestBody()
    })
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'
    const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'
    const last = get('/', 'Connection: close\r\n')
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer'
    side.socket.receive(post + chunked)
    side.socket.receive(last)
    await settle()
    expect(seen).toEqual([
      [post.length, answer.length],
      [chunked.length, answer.length],
      [last.length, answer.length + 'Connection: close\r\n'.length],
    ])
  })
})

describe('pipelining', () => {
  const many = Array.from({ length: 50 }, (_, at) => `/${at}`)
  const all = many.map((target) => get(target)).join('')
  const expected = many.map((target) => `GET ${target}`)

  it.each([all.length, 64, 1])('answers at once, in reads of %i bytes', async (size) => {
    const side = openServerSide(answerAtOnce)
    side.socket.receiveInPieces(all, size)
    await settle()
    expect(bodies(side)).toEqual(expected)
  })

  it.each([all.length, 64, 1])('answers later, one at a time and in order, in reads of %i bytes', async (size) => {
    const side = openServerSide(answerNothing)
    side.socket.receiveInPieces(all, size)
    for (let at = 0; at < many.length; at++) {
      await settle()
      expect(side.requests).toHaveLength(at + 1)
      answerAtOnce(side.requests[at])
    }
    await settle()
    expect(bodies(side)).toEqual(expected)
  })

  it('answers some at once and some later', async () => {
    const side = openServerSide((request) => {
      if (request.connection.requestNumber % 3 !== 0) answerAtOnce(request)
      else setImmediate(() => answerAtOnce(request))
    })
    side.socket.receive(all)
    while (side.requests.length < many.length || side.connection.headSent === false) await settle()
    await settle()
    expect(bodies(side)).toEqual(expected)
  })

  it('keeps bodies and heads apart', async () => {
    const side = openServerSide(echo)
    const post = (body: string): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const chunked = (body: string): string =>
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const smuggled = 'GET /admin HTTP/1.1'
    side.socket.receiveInPieces(
      post('one') + chunked('two') + get('/') + post(smuggled) + chunked(smuggled) + post(''),
      13,
    )
    await settle()
    expect(bodies(side)).toEqual(['one', 'two', '', smuggled, smuggled, ''])
    expect(side.requests.map((each) => each.head.target)).not.toContain('/admin')
  })

  it('a response for the wrong request cannot be given', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(get('/1') + get('/2'))
    const [first] = side.requests
    answerAtOnce(first)
    // Out of turn: the connection has the next request by now.
    first.respond('once more')
    first.connection.endBody()
    expect(bodies(side)).toEqual(['GET /1'])
    await settle()
    answerAtOnce(side.requests[1])
    expect(bodies(side)).toEqual(['GET /1', 'GET /2'])
  })

  it('waits while the client does not read its answers', async () => {
    const body = 'b'.repeat(100_000)
    const side = openServerSide((request) => request.respond(body))
    side.socket.block()
    side.socket.receive(Array.from({ length: 40 }, () => get('/')).join(''))
    for (let turn = 0; turn < 20; turn++) {
      side.socket.receive(get('/'))
      await settle()
    }
    // 262,144 bytes may wait; the answer that goes over it is the last one that is made.
    expect(side.requests).toHaveLength(3)
    expect(side.socket.paused).toBe(true)
    while (side.requests.length < 60) {
      side.socket.unblock()
      await settle()
    }
    await settle()
    expect(side.socket.sent.split(body)).toHaveLength(61)
    expect(side.socket.paused).toBe(false)
  })

  it('stops at a refused request', async () => {
    const side = openServerSide(answerAtOnce)
    side.socket.receive(`${get('/1')}GET /2 HTTP/1.1\r\n\r\n${get('/3')}`)
    await settle()
    expect(side.requests).toHaveLength(1)
    expect(side.handler.refusals.map((each) => each.code)).toEqual(['HOST_MISSING'])
    expect(side.socket.sent).toMatch(/HTTP\/1\.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/)
  })
})

describe('framing of responses', () => {
  const answer = (side: ServerSide, head: ReturnType<typeof response>, body: string): void =>
    side.requests.at(-1)?.connection.sendResponse(head, body)
  const ask = (head: string): ServerSide => {
    const side = openServerSide(answerNothing)
    side.socket.receive(head)
    return side
  }

  it.each([
    [
      'HEAD keeps the length, sends no body',
      'HEAD',
      200,
      { 'Content-Length': '4' },
      'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n',
    ],
    ['204 has no framing at all', 'GET', 204, { 'Content-Length': '4' }, 'HTTP/1.1 204 No Content\r\n\r\n'],
    [
      '304 may tell a length',
      'GET',
      304,
      { 'Content-Length': '4' },
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n',
    ],
    [
      'chunks where no length is known',
      'GET',
      200,
      {},
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
    ],
    [
      'a status without a phrase',
      'GET',
      299,
      { 'Content-Length': '4' },
      'HTTP/1.1 299 \r\nContent-Length: 4\r\n\r\nbody',
    ],
  ])('%s', async (_, method, status, fields, expected) => {
    const side = ask(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
    answer(side, response(status, fields), 'body')
    expect(side.socket.sent).toBe(expected)
    side.socket.receive(get('/next'))
    expect(side.requests).toHaveLength(2)
  })

  it('HTTP/1.0 gets no chunks but the end of the connection', async () => {
    const side = ask('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    answer(side, response(200, { 'Transfer-Encoding': 'chunked' }), 'body')
    await settle()
    expect(side.socket.sent).toBe('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbody')
    expect(side.socket.writableEnded).toBe(true)
  })

  it('a body in pieces, by chunks with trailers and by length', async () => {
    const side = ask(get('/1'))
    const send = (request: RecordedRequest, head: ReturnType<typeof response>, trailers = ''): void => {
      const { connection } = request
      connection.sendHead(head)
      connection.sendBody(Buffer.from('one'))
      connection.sendBody(Buffer.from('two'))
      connection.endBody(trailers)
    }
    send(side.requests[0], response(200), 'X-Sum: 2\r\n')
    await settle()
    expect(side.socket.takeSent()).toBe(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 2\r\n\r\n',
    )
    expect(side.socket.writes).toBe(1)
    side.socket.receive(get('/2'))
    send(side.requests[1], response(200, { 'Content-Length': '6' }), 'X-Sum: 2\r\n')
    await settle()
    expect(side.socket.takeSent()).toBe('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nonetwo')
    side.socket.receive('HEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n')
    send(side.requests[2], response(200))
    await settle()
    expect(side.socket.takeSent()).toBe('HTTP/1.1 200 OK\r\n\r\n')
  })

  it('informational heads go to HTTP/1.1 alone, and before the final one alone', () => {
    const modern = ask(get('/'))
    modern.connection.sendInformational(response(103, { Link: '</a>' }))
    modern.requests[0].respond('x')
    modern.connection.sendInformational(response(103))
    expect(modern.socket.sent).toBe(
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
    )
    const old = ask('GET / HTTP/1.0\r\n\r\n')
    old.connection.sendInformational(response(103))
    expect(old.socket.sent).toBe('')
  })
})

it('tells the address of the client', () => {
  const side = openServerSide(answerNothing)
  side.socket.remoteAddress = '::ffff:192.0.2.9'
  expect(side.connection.client.remoteAddress).toBe('192.0.2.9')
  const v6 = openServerSide(answerNothing)
  v6.socket.remoteAddress = '2001:db8::1'
  expect(v6.connection.client.remoteAddress).toBe('2001:db8::1')
})
