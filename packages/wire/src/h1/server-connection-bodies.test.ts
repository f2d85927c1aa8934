import { describe, expect, it } from 'vitest'
import { HELD, SENT, STALLED } from '../sockets/output.ts'
import { settle } from '../testing/memory-socket.ts'
import { answerAtOnce, answerNothing, echo, openServerSide, readBody, response } from '../testing/server-side.ts'

const post = (body: string, fields = ''): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`
const CHUNKED_HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n'

describe('a request body', () => {
  it.each([1, 5, 100_000])('arrives with its trailers, in reads of %i bytes', (size) => {
    const side = openServerSide(readBody)
    side.socket.receiveInPieces(`${CHUNKED_HEAD}3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n`, size)
    expect(side.requests[0]).toMatchObject({ body: 'abcde', trailers: 'X-Sum: 1\r\n' })
  })

  it('waits until it is wanted', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(post('abc'))
    side.socket.receive('never read before')
    await settle()
    const [request] = side.requests
    expect(request.body).toBe('')
    expect(side.socket.paused).toBe(true)
    side.connection.readRequestBody()
    expect(request).toMatchObject({ body: 'abc', trailers: '' })
  })

  it('larger than the limit is refused before and while it comes', async () => {
    const side = openServerSide(readBody, { maxBodyBytes: 10 })
    side.socket.receive(post('12345678901'))
    expect(side.requests).toHaveLength(0)
    expect(side.socket.sent).toContain('HTTP/1.1 413 Content Too Large')
    const chunked = openServerSide(readBody, { maxBodyBytes: 10 })
    chunked.socket.receive(`${CHUNKED_HEAD}6\r\n123456\r\n`)
    expect(chunked.requests[0].refused).toBeUndefined()
    chunked.socket.receive('5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n')
    expect(chunked.requests[0]).toMatchObject({ body: '123456', trailers: undefined })
    expect(chunked.requests[0].refused?.code).toBe('BODY_TOO_LARGE')
    chunked.requests[0].respond('no', {}, 413)
    await settle()
    expect(chunked.socket.sent).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close\r\n\r\nno$/)
    expect(chunked.socket.writableEnded).toBe(true)
    const exact = openServerSide(readBody, { maxBodyBytes: 10 })
    exact.socket.receive(`${CHUNKED_HEAD}a\r\n1234567890\r\n0\r\n\r\n`)
    expect(exact.requests[0].complete).toBe(true)
  })

  it('that breaks a rule is refused, and nothing behind it is read', async () => {
    const side = openServerSide(readBody)
    side.socket.receive(`${CHUNKED_HEAD}3\r\nabcd\r\n0\r\n\r\n${NEXT}`)
    const [request] = side.requests
    expect(request.refused?.code).toBe('CHUNK_END')
    expect(request.complete).toBe(false)
    request.respond('bad', {}, 400)
    await settle()
    expect(side.requests).toHaveLength(1)
    expect(side.socket.writableEnded).toBe(true)
  })

  it('is the exchange’s to stop, between reads', async () => {
    const side = openServerSide(readBody)
    side.socket.receive(post('a'.repeat(10)).slice(0, -5))
    side.connection.pauseRequestBody()
    expect(side.socket.paused).toBe(true)
    side.socket.receive('bbbbb')
    await settle()
    expect(side.requests[0].body).toBe('aaaaa')
    side.connection.resumeRequestBody()
    await settle()
    expect(side.requests[0]).toMatchObject({ body: 'aaaaabbbbb', trailers: '' })
  })

  it('that was stopped within its last read does not stop the requests after it', async () => {
    const side = openServerSide((request) => {
      request.onBody = () => request.connection.pauseRequestBody()
      readBody(request)
    })
    side.socket.receive(post('abc'))
    const [request] = side.requests
    expect(request.complete).toBe(true)
    // The upstream answered early, so nobody resumes.
    request.respond('early')
    await settle()
    side.socket.receive(NEXT)
    await settle()
    expect(side.requests).toHaveLength(2)
  })

  it('stays untouched in memory while it is held, and goes to its own buffer when it is long', () => {
    const side = openServerSide(readBody)
    side.socket.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n')
    const [request] = side.requests
    request.bodyGone = false
    for (const letter of 'abcdef') side.socket.receive(letter.repeat(50_000))
    expect(request.complete).toBe(true)
    const other = openServerSide(readBody)
    other.socket.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n')
    for (const letter of 'uvwxyz') other.socket.receive(letter.repeat(50_000))
    expect(request.memory.map((chunk) => String.fromCharCode(chunk[0], chunk[chunk.length - 1]))).toEqual(
      [...'abcdef'].map((letter) => letter.repeat(2)),
    )
  })

  it('that is short or chunked stays untouched, too', () => {
    for (const bytes of [post('abcdef'), `${CHUNKED_HEAD}6\r\nabcdef\r\n0\r\n\r\n`]) {
      const side = openServerSide(readBody)
      side.socket.receive(bytes)
      expect(Buffer.concat(side.requests[0].memory).toString()).toBe('abcdef')
    }
  })
})

describe('Expect: 100-continue', () => {
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n'
  const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

  it('is answered when the body is wanted, once', () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(head)
    expect(side.socket.sent).toBe('')
    side.connection.readRequestBody()
    side.connection.readRequestBody()
    expect(side.socket.takeSent()).toBe(CONTINUE)
    side.socket.receive('abc')
    expect(side.requests[0]).toMatchObject({ body: 'abc', trailers: '' })
    side.requests[0].respond('ok')
    side.socket.receive(NEXT)
    expect(side.requests).toHaveLength(2)
  })

  it('needs no answer when the body is here already', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(`${head}abc`)
    side.connection.readRequestBody()
    await settle()
    expect(side.socket.sent).toBe('')
    expect(side.requests[0].body).toBe('abc')
  })

  it('is not answered for HTTP/1.0', () => {
    const side = openServerSide(readBody)
    side.socket.receive(head.replace('1.1', '1.0'))
    expect(side.socket.sent).toBe('')
    side.socket.receive('abc')
    expect(side.requests[0].complete).toBe(true)
  })

  it('closes the connection when the body was never wanted: nobody can tell what comes next', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(head)
    side.requests[0].respond('no', {}, 401)
    side.socket.receive(NEXT)
    await settle()
    expect(side.socket.sent).toContain('Connection: close')
    expect(side.requests).toHaveLength(1)
  })
})

describe('an answer before the body is read', () => {
  it('drops a small body and keeps the connection', async () => {
    for (const size of [1, 1_000]) {
      const side = openServerSide(answerAtOnce)
      side.socket.receiveInPieces(post('GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n') + NEXT, size)
      await settle()
      expect(side.requests.map((each) => each.head.target)).toEqual(['/', '/next'])
      expect(side.requests[0].body).toBe('')
      expect(side.socket.sent).not.toContain('close')
    }
  })

  it('drops it too when the answer comes later', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(post('x'.repeat(65_536)).slice(0, 1_000))
    await settle()
    side.requests[0].respond('later')
    side.socket.receive('x'.repeat(65_536 + post('').length + 4 - 1_000) + NEXT)
    await settle()
    expect(side.requests.map((each) => each.head.target)).toEqual(['/', '/next'])
  })

  it.each([
    ['large', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n'],
    ['chunked', CHUNKED_HEAD],
  ])('closes for a %s one', async (_, head) => {
    const side = openServerSide(answerAtOnce)
    side.socket.receive(head)
    await settle()
    expect(side.socket.sent).toContain('Connection: close')
    expect(side.socket.writableEnded).toBe(true)
  })

  it('may be streamed while the body still comes', async () => {
    const side = openServerSide(readBody)
    side.socket.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc')
    side.connection.sendHead(response(200, { 'Content-Length': '4' }))
    side.connection.sendBody(Buffer.from('on'))
    side.socket.receive('def')
    side.connection.sendBody(Buffer.from('e!'))
    side.connection.endBody()
    side.socket.receive(NEXT)
    await settle()
    expect(side.requests[0]).toMatchObject({ body: 'abcdef', trailers: '' })
    expect(side.socket.sent).toBe('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\none!')
    expect(side.requests).toHaveLength(2)
  })
})

describe('back-pressure on a response', () => {
  it('says what became of the bytes, and when there is room again', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(NEXT)
    side.connection.sendHead(response(200, { 'Content-Length': '400000' }))
    await settle()
    expect(side.connection.sendBody(Buffer.alloc(50_000))).toBe(SENT)
    side.socket.block()
    expect([1, 2, 3, 4].map(() => side.connection.sendBody(Buffer.alloc(80_000)))).toEqual([HELD, HELD, HELD, STALLED])
    expect(side.connection.backlog).toBe(320_000)
    expect(side.requests[0].drains).toBe(0)
    side.socket.unblock()
    await settle()
    expect(side.requests[0].drains).toBe(1)
    expect(side.connection.backlog).toBe(0)
  })

  it('of chunks never holds memory', async () => {
    const side = openServerSide(answerNothing)
    side.socket.receive(NEXT)
    side.connection.sendHead(response(200))
    await settle()
    side.socket.block()
    const memory = Buffer.alloc(100_000, 'a')
    expect([
      side.connection.sendBody(memory),
      side.connection.sendBody(memory),
      side.connection.sendBody(memory),
    ]).toEqual([SENT, SENT, STALLED])
    memory.fill('b')
    await settle()
    side.socket.unblock()
    await settle()
    expect(side.socket.sent).not.toContain('b')
  })
})

it('a body goes there and back, whatever it is and however it is split', async () => {
  const body = Array.from({ length: 20_000 }, (_, at) => String.fromCharCode((at * 7) % 256)).join('')
  const chunks = `${CHUNKED_HEAD}${(8_000).toString(16)}\r\n${body.slice(0, 8_000)}\r\n2EE0\r\n${body.slice(8_000)}\r\n0\r\n\r\n`
  for (const bytes of [post(body), chunks]) {
    for (const size of [997, 8_192, 100_000]) {
      const side = openServerSide(echo)
      side.socket.receiveInPieces(bytes, size)
      await settle()
      expect(side.socket.sent.slice(side.socket.sent.indexOf('\r\n\r\n') + 4)).toBe(body)
    }
  }
})
