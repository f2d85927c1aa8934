import { describe, expect, it } from 'vitest'
import { CHUNKED } from '../h1/request-head.ts'
import { data, frame, preface, priority, reset, settings, type Fields } from '../testing/h2-frames.ts'
import { H2ServerSide, openH2ServerSide, post, REQUEST, request } from '../testing/h2-server-side.ts'
import { answerAtOnce, answerNothing, echo, readBody, response } from '../testing/server-side.ts'
import { ErrorCode, HEADERS } from './frames.ts'

describe('a connection', () => {
  it('begins with our SETTINGS, and acknowledges those of the client', async () => {
    const side = new H2ServerSide(answerNothing)
    const [first] = await side.flush()
    expect(first).toMatchObject({ type: 'SETTINGS', flags: 0, streamId: 0 })
    expect(first.payload.toString('hex')).toBe('000300000080' + '000400040001' + '000600008000' + '000800000001')
    side.send(preface, settings())
    expect(await side.flush()).toMatchObject([{ type: 'SETTINGS', flags: 1 }])
    expect(side.handler.opened).toBe(1)
  })

  it('is understood in whatever reads it comes', async () => {
    for (const size of [1, 2, 7, 24, 25, 1_000]) {
      const side = new H2ServerSide(echo)
      const bytes = Buffer.concat([
        preface,
        settings(),
        side.writer.headersInPieces(1, post(['x-long', 'y'.repeat(40)]), 11),
        data(1, 'hello'),
        side.writer.headers(1, [['x-trailer', 'z']], true),
      ])
      side.socket.receiveInPieces(bytes.toString('latin1'), size)
      await side.flush()
      expect(side.requests[0]).toMatchObject({ body: 'hello', trailers: 'x-trailer: z\r\n' })
      expect(side.parser.content(1)).toBe('hello')
    }
  })

  it.each([
    ['no preface', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\rX')],
    ['HTTP/1.1', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['a first frame that is not SETTINGS', Buffer.concat([preface, frame(6, 0, 0, '12345678')])],
    ['an acknowledgement as the first frame', Buffer.concat([preface, frame(4, 1, 0)])],
    ['DATA as the first frame', Buffer.concat([preface, data(1, 'x')])],
  ])('is closed after %s', async (_, bytes) => {
    const side = new H2ServerSide(answerNothing)
    side.send(bytes)
    await side.flush()
    expect(side.parser.goAwayCode).toBe(ErrorCode.PROTOCOL_ERROR)
    expect(side.socket.writableEnded).toBe(true)
    expect(side.handler.closed).toBe(1)
  })
})

describe('a request', () => {
  it('is a head as HTTP/1.1 has it', async () => {
    const side = await openH2ServerSide(answerAtOnce)
    side.ask(1, request([':path', '/a?b=c'], ['x-one', '1'], ['cookie', 'a=1'], ['x-two', '2'], ['cookie', 'b=2']))
    await side.flush()
    const { head } = side.requests[0]
    expect(head).toMatchObject({ method: 'GET', target: '/a?b=c', host: 'a.test', bodyLength: 0, minorVersion: 1 })
    expect(head.headers.block).toBe('host: a.test\r\nx-one: 1\r\nx-two: 2\r\ncookie: a=1; b=2\r\n')
    expect(side.parser.of(1)).toMatchObject([
      { type: 'HEADERS', endStream: false },
      { type: 'DATA', endStream: true },
    ])
    expect(side.parser.field(1, ':status')).toBe('200')
    expect(side.parser.content(1)).toBe('GET /a?b=c')
    expect(side.connection.streams.size).toBe(0)
  })

  it('has the body that DATA brings, and its trailers', async () => {
    const side = await openH2ServerSide(echo)
    side.ask(1, post(['content-length', '11']), false)
    side.send(data(1, 'hello'), data(1, ''), frame(0, 8, 1, '\u0003 world\0\0\0'))
    side.send(side.writer.headers(1, [['x-sum', '7']], true))
    await side.flush()
    expect(side.requests[0].head.bodyLength).toBe(11)
    expect(side.requests[0]).toMatchObject({ body: 'hello world', trailers: 'x-sum: 7\r\n' })
    expect(side.parser.content(1)).toBe('hello world')
  })

  it('without a length has one that frames tell', async () => {
    const side = await openH2ServerSide(readBody)
    side.ask(1, post(), false)
    expect(side.requests[0].head.bodyLength).toBe(CHUNKED)
    side.send(data(1, 'x', true))
    expect(side.requests[0]).toMatchObject({ body: 'x', trailers: '' })
  })

  it('may come beside others, in any order of frames', async () => {
    const side = await openH2ServerSide(echo)
    for (const id of [1, 3, 5]) side.ask(id, post(), false)
    side.send(data(5, 'five', true), data(1, 'on'), data(3, 'three', true), data(1, 'e', true))
    await side.flush()
    expect([1, 3, 5].map((id) => side.parser.content(id))).toEqual(['one', 'three', 'five'])
  })

  it('may come with padding and a priority', async () => {
    const side = await openH2ServerSide(answerAtOnce)
    const block = side.writer.block(REQUEST)
    side.send(
      frame(HEADERS, 0x4 | 0x1 | 0x8 | 0x20, 1, Buffer.concat([Buffer.of(3, 0, 0, 0, 0, 9), block, Buffer.alloc(3)])),
    )
    await side.flush()
    expect(side.parser.content(1)).toBe('GET /')
  })

  it('may be OPTIONS for all the server', async () => {
    const side = await openH2ServerSide(answerAtOnce)
    side.ask(1, request([':method', 'OPTIONS'], [':path', '*']))
    expect(side.requests[0].head.target).toBe('*')
  })
})

const bad: [string, Fields][] = [
  ['no :method', REQUEST.slice(1)],
  ['no :scheme', REQUEST.filter(([name]) => name !== ':scheme')],
  ['no :path', REQUEST.slice(0, 3)],
  ['an empty :path', request([':path', ''])],
  ['a :path that is no path', request([':path', 'a'])],
  ['a :path that is an URL', request([':path', 'http://a/'])],
  ['* for GET', request([':path', '*'])],
  ['a blank in :path', request([':path', '/a b'])],
  ['a line end in :path', request([':path', '/ HTTP/1.1\r\nx: y'])],
  ['a fragment in :path', request([':path', '/a#b'])],
  ['a second :path', [...REQUEST, [':path', '/b']]],
  ['a second :method', [...REQUEST, [':method', 'POST']]],
  ['a second :authority', [...REQUEST, [':authority', 'b']]],
  ['a method that is no token', request([':method', 'GET /x'])],
  ['an empty method', request([':method', ''])],
  ['a pseudo-field behind others', [['x-a', 'b'], ...REQUEST]],
  ['a pseudo-field that is none', [...REQUEST, [':status', '200']]],
  ['an unknown pseudo-field', [...REQUEST, [':what', 'x']]],
  ['an upper-case name', request(['X-Upper', 'y'])],
  ['a blank in a name', request(['x a', 'y'])],
  ['a colon in a name', request(['x:a', 'y'])],
  ['an empty name', request(['', 'y'])],
  ['a line end in a value', request(['x-a', 'b\r\nx-c: d'])],
  ['LF in a value', request(['x-a', 'b\nc'])],
  ['NUL in a value', request(['x-a', 'b\0c'])],
  ['a leading blank in a value', request(['x-a', ' b'])],
  ['a trailing tab in a value', request(['x-a', 'b\t'])],
  ['connection', request(['connection', 'close'])],
  ['keep-alive', request(['keep-alive', 'timeout=5'])],
  ['proxy-connection', request(['proxy-connection', 'close'])],
  ['transfer-encoding', request(['transfer-encoding', 'chunked'])],
  ['upgrade', request(['upgrade', 'websocket'])],
  ['te other than trailers', request(['te', 'gzip'])],
  ['host that is not :authority', request(['host', 'b.test'])],
  ['two hosts', request(['host', 'a.test'], ['host', 'a.test'])],
  ['a content-length that is no number', request(['content-length', '+1'])],
  ['two content-lengths', post(['content-length', '1'], ['content-length', '1'])],
  ['a content-length without a body', request(['content-length', '1'])],
  [':protocol without CONNECT', request([':protocol', 'websocket'])],
  [':protocol that is no token', request([':method', 'CONNECT'], [':protocol', 'a b'])],
]

describe('a malformed request', () => {
  it.each(bad)('%s: is reset, and the connection goes on', async (_, fields) => {
    const side = await openH2ServerSide(answerAtOnce)
    side.ask(1, fields)
    side.ask(3)
    await side.flush()
    expect(side.requests).toHaveLength(1)
    expect(side.parser.of(1)).toMatchObject([{ type: 'RST_STREAM', code: ErrorCode.PROTOCOL_ERROR }])
    expect(side.parser.content(3)).toBe('GET /')
    expect(side.parser.goAwayCode).toBeUndefined()
  })

  it.each([
    ['more', '3', 'abcd'],
    ['less', '5', 'abcd'],
    ['none', '5', ''],
  ])('a body with %s than content-length: is reset, and never complete', async (_, length, body) => {
    const side = await openH2ServerSide(readBody)
    side.ask(1, post(['content-length', length]), false)
    side.send(data(1, body, true))
    await side.flush()
    expect(side.requests[0].complete).toBe(false)
    expect(side.requests[0].lost?.code).toBe('CLIENT_GONE')
    expect(side.parser.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR)
  })

  it.each([
    ['without END_STREAM', [['x-a', 'b']] as Fields, false],
    ['with a pseudo-field', [[':path', '/b']] as Fields, true],
    ['with a forbidden field', [['connection', 'close']] as Fields, true],
  ])('trailers %s: is reset', async (_, fields, end) => {
    const side = await openH2ServerSide(readBody)
    side.ask(1, post(), false)
    side.send(data(1, 'x'), side.writer.headers(1, fields, end))
    await side.flush()
    expect(side.requests[0].complete).toBe(false)
    expect(side.parser.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR)
  })
})

describe('a request that is refused', () => {
  it.each([
    ['HEAD_TOO_LARGE', '431', request(...Array.from({ length: 20 }, () => ['x-a', 'b'.repeat(50)] as const))],
    ['TARGET_TOO_LONG', '414', request([':path', `/${'p'.repeat(200)}`])],
    ['BODY_TOO_LARGE', '413', post(['content-length', '11'])],
    ['CONNECT', '405', request([':method', 'CONNECT'])],
    ['HOST_MISSING', '400', REQUEST.filter(([name]) => name !== ':authority')],
    ['HOST', '400', request([':authority', 'user@a.test'])],
    ['TARGET', '400', request([':path', '/a\\b'])],
    ['EXPECTATION', '417', post(['expect', '200-maybe'])],
  ])('%s: is answered %s', async (code, status, fields) => {
    const side = await openH2ServerSide(answerNothing, {
      limits: { maxHeadBytes: 1_000, maxTargetLength: 100, maxBodyBytes: 10 },
    })
    side.ask(1, fields, code !== 'BODY_TOO_LARGE' && code !== 'EXPECTATION')
    await side.flush()
    expect(side.handler.refusals.map((one) => one.code)).toEqual([code])
    expect(side.parser.field(1, ':status')).toBe(status)
    expect(side.connection.streams.size).toBe(0)
    side.ask(3)
    expect(side.requests).toHaveLength(1)
  })

  it('a body that grows above its limit is told once, and dropped', async () => {
    const side = await openH2ServerSide(readBody, { limits: { maxBodyBytes: 10 } })
    side.ask(1, post(), false)
    side.send(data(1, '12345678'), data(1, '9ab'), data(1, 'cde'))
    expect(side.requests[0].refused?.code).toBe('BODY_TOO_LARGE')
    expect(side.requests[0].body).toBe('12345678')
    side.requests[0].refused = undefined
    side.send(data(1, 'f'))
    expect(side.requests[0].refused).toBeUndefined()
    side.requests[0].respond('too much', {}, 413)
    await side.flush()
    expect(side.parser.field(1, ':status')).toBe('413')
    expect(side.parser.resetCode(1)).toBe(ErrorCode.NO_ERROR)
  })
})

describe('a response', () => {
  it('has no content for HEAD, 204 and 304; its length is told but for 204', async () => {
    const side = await openH2ServerSide((each) =>
      each.respond('content', {}, Number(each.head.headers.get('x-status'))),
    )
    side.ask(1, request([':method', 'HEAD'], ['x-status', '200']))
    side.ask(3, request(['x-status', '204']))
    side.ask(5, request(['x-status', '304']))
    await side.flush()
    for (const id of [1, 3, 5]) expect(side.parser.of(id)).toMatchObject([{ type: 'HEADERS', endStream: true }])
    expect([1, 3, 5].map((id) => side.parser.field(id, 'content-length'))).toEqual(['7', undefined, '7'])
  })

  it('to HEAD that is sent in parts has none either', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1, request([':method', 'HEAD']))
    const { connection } = side.requests[0]
    connection.sendHead(response(200, { 'content-length': '7' }))
    connection.sendBody(Buffer.from('content'))
    connection.endBody()
    await side.flush()
    expect(side.parser.field(1, 'content-length')).toBe('7')
    expect(side.parser.content(1)).toBe('')
    expect(side.parser.ended(1)).toBe(true)
  })

  it('in parts ends in the last DATA, or in trailers', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.ask(3)
    for (const [at, trailers] of ['', 'X-Sum: 7\r\n'].entries()) {
      const { connection } = side.requests[at]
      connection.sendHead(response(200, { Connection: 'close', 'Transfer-Encoding': 'chunked', 'X-A': 'b' }))
      connection.sendBody(Buffer.from('one'))
      connection.sendBody(Buffer.from('two'))
      connection.endBody(trailers)
    }
    await side.flush()
    expect(side.parser.of(1, 'HEADERS')[0].fields).toEqual([
      [':status', '200'],
      ['x-a', 'b'],
    ])
    expect(side.parser.of(1).map((one) => [one.type, one.endStream])).toEqual([
      ['HEADERS', false],
      ['DATA', false],
      ['DATA', true],
    ])
    expect(side.parser.of(3).at(-1)).toMatchObject({ type: 'HEADERS', endStream: true, fields: [['x-sum', '7']] })
  })

  it('whose last DATA has left ends in an empty one', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    const { connection } = side.requests[0]
    connection.sendHead(response(200))
    connection.sendBody(Buffer.from('one'))
    await side.flush()
    connection.endBody()
    expect(await side.flush()).toMatchObject([{ type: 'DATA', endStream: true, payload: Buffer.alloc(0) }])
  })

  it('with a head larger than a frame leaves in several', async () => {
    const side = await openH2ServerSide((each) => each.respond('', { 'x-long': 'ü'.repeat(100_000) }), {
      settings: [[5, 1_000_000]],
    })
    side.ask(1)
    await side.flush()
    expect(side.parser.field(1, 'x-long')).toHaveLength(100_000)
  })

  it('follows interim ones', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.requests[0].connection.sendInformational(response(103, { link: '</a.css>' }))
    side.requests[0].respond('x')
    await side.flush()
    expect(side.parser.of(1, 'HEADERS').map((one) => one.fields[0][1])).toEqual(['103', '200'])
  })

  it('that comes before the request is whole ends it without an error', async () => {
    const side = await openH2ServerSide(answerAtOnce)
    side.ask(1, post(), false)
    await side.flush()
    expect(side.parser.of(1).map((one) => one.type)).toEqual(['HEADERS', 'DATA', 'RST_STREAM'])
    expect(side.parser.resetCode(1)).toBe(ErrorCode.NO_ERROR)
    // What was on its way by then is dropped without a word.
    side.send(data(1, 'late'), side.writer.headers(1, [['x-late', 'y']], true))
    side.ask(3, request(['x-late', 'y']))
    await side.flush()
    expect(side.parser.of(1)).toHaveLength(3)
    expect(side.parser.goAwayCode).toBeUndefined()
    expect(side.requests[1].head.headers.get('x-late')).toBe('y')
  })

  it('that is cut is reset', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.requests[0].connection.sendHead(response(200))
    side.requests[0].connection.cut()
    await side.flush()
    expect(side.parser.resetCode(1)).toBe(ErrorCode.INTERNAL_ERROR)
  })

  it('leaves with all others of a turn in one write', async () => {
    const side = await openH2ServerSide(answerAtOnce)
    const before = side.socket.writes
    side.send(...[1, 3, 5, 7].map((id) => side.writer.headers(id, REQUEST, true)))
    await side.flush()
    expect(side.socket.writes - before).toBe(1)
  })
})

describe('100-continue', () => {
  const expecting = post(['expect', '100-continue'])

  it('is sent when the body is wanted', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1, expecting, false)
    await side.flush()
    expect(side.parser.of(1)).toHaveLength(0)
    side.requests[0].connection.readRequestBody()
    await side.flush()
    expect(side.parser.of(1)).toMatchObject([{ fields: [[':status', '100']], endStream: false }])
    side.send(data(1, 'body', true))
    expect(side.requests[0].body).toBe('body')
  })

  it('is not sent when the body is here, or the answer was given', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1, expecting, false)
    side.send(data(1, 'body', true))
    side.requests[0].connection.readRequestBody()
    side.ask(3, expecting, false)
    side.requests[1].respond('no', {}, 403)
    side.requests[1].connection.readRequestBody()
    await side.flush()
    expect(side.parser.of(1)).toHaveLength(0)
    expect(side.parser.of(3, 'HEADERS')).toHaveLength(1)
  })
})

describe('a stream', () => {
  it('that the client gives up is told to the exchange', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.send(reset(1, ErrorCode.CANCEL))
    expect(side.requests[0].lost?.message).toContain('CANCEL')
    side.requests[0].respond('late')
    await side.flush()
    expect(side.parser.of(1)).toHaveLength(0)
  })

  it('above the limit is refused', async () => {
    const side = await openH2ServerSide(answerNothing, { h2: { maxConcurrentStreams: 2 } })
    for (const id of [1, 3, 5]) side.ask(id)
    await side.flush()
    expect(side.parser.resetCode(5)).toBe(ErrorCode.REFUSED_STREAM)
    side.requests[0].respond('')
    side.ask(7)
    expect(side.requests).toHaveLength(3)
  })

  it.each([
    ['HEADERS with an even number', (side: H2ServerSide) => side.ask(2), ErrorCode.PROTOCOL_ERROR],
    ['HEADERS with stream 0', (side: H2ServerSide) => side.ask(0), ErrorCode.PROTOCOL_ERROR],
    [
      'HEADERS below the last one',
      (side: H2ServerSide) => {
        side.ask(5)
        side.ask(3)
      },
      ErrorCode.STREAM_CLOSED,
    ],
    ['DATA before HEADERS', (side: H2ServerSide) => side.send(data(1, 'x')), ErrorCode.PROTOCOL_ERROR],
    ['RST_STREAM before HEADERS', (side: H2ServerSide) => side.send(reset(1, 8)), ErrorCode.PROTOCOL_ERROR],
    ['a frame above 16 KiB', (side: H2ServerSide) => side.send(frame(0x77, 0, 0, Buffer.alloc(16_385))), 6],
    ['PUSH_PROMISE', (side: H2ServerSide) => side.send(frame(5, 4, 1, '\0\0\0\x02')), ErrorCode.PROTOCOL_ERROR],
    [
      'HEADERS that depend on themselves',
      (side: H2ServerSide) =>
        side.send(frame(1, 0x25, 1, Buffer.concat([Buffer.of(0, 0, 0, 1, 0), side.writer.block(REQUEST)]))),
      ErrorCode.PROTOCOL_ERROR,
    ],
    ['PRIORITY that depends on itself', (side: H2ServerSide) => side.send(priority(1, 1)), ErrorCode.PROTOCOL_ERROR],
    ['SETTINGS of 5 bytes', (side: H2ServerSide) => side.send(frame(4, 0, 0, '12345')), ErrorCode.FRAME_SIZE_ERROR],
    ['a field block that is none', (side: H2ServerSide) => side.send(frame(1, 5, 1, '\x80')), 9],
  ])('%s: ends the connection', async (_, misuse, code) => {
    const side = await openH2ServerSide(answerNothing)
    misuse(side)
    await side.flush()
    expect(side.parser.goAwayCode).toBe(code)
    expect(side.socket.writableEnded).toBe(true)
  })

  it('that gets more after its end is reset', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.send(data(1, 'more'))
    await side.flush()
    expect(side.parser.resetCode(1)).toBe(ErrorCode.STREAM_CLOSED)
    expect(side.requests[0].lost).toBeDefined()
    expect(side.parser.goAwayCode).toBeUndefined()
  })
})

describe('extended CONNECT', () => {
  const connect = request([':method', 'CONNECT'], [':protocol', 'websocket'], [':path', '/chat'])
  const ends = () => {
    const notes: string[] = []
    return {
      notes,
      fromClient: (chunk: Uint8Array) => void notes.push(`client ${Buffer.from(chunk).toString('latin1')}`),
      fromUpstream: () => undefined,
      clientDrained: () => void notes.push('drained'),
      upstreamDrained: () => undefined,
      clientEnded: () => void notes.push('ended'),
      upstreamEnded: () => undefined,
      clientLost: () => void notes.push('lost'),
      upstreamLost: () => undefined,
      stopping: () => void notes.push('stopping'),
    }
  }

  it('looks like the upgrade of HTTP/1.1, and carries bytes both ways', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1, [...connect, ['sec-websocket-key', 'mine']], false)
    const [{ head, connection }] = side.requests
    expect(head).toMatchObject({ method: 'GET', target: '/chat', upgrade: true, host: 'a.test', bodyLength: 0 })
    expect(head.headers.get('upgrade')).toBe('websocket')
    expect(head.headers.getAll('sec-websocket-key')).toHaveLength(1)
    expect(Buffer.from(head.headers.get('sec-websocket-key') as string, 'base64')).toHaveLength(16)
    side.send(data(1, 'early'))
    const tunnel = ends()
    connection.startTunnel(response(101, { 'Sec-WebSocket-Accept': 'x', Upgrade: 'websocket', 'X-A': 'b' }), tunnel)
    side.send(data(1, 'bytes'))
    connection.sendTunnelBytes(Buffer.from('back'))
    await side.flush()
    expect(side.parser.of(1, 'HEADERS')[0].fields).toEqual([
      [':status', '200'],
      ['x-a', 'b'],
    ])
    expect(side.parser.content(1)).toBe('back')
    side.send(data(1, '', true))
    expect(tunnel.notes).toEqual(['client early', 'client bytes', 'ended'])
    connection.endTunnel()
    await side.flush()
    expect(side.parser.ended(1)).toBe(true)
    expect(side.connection.streams.size).toBe(0)
  })

  it('that is answered with a status above 2xx is a response', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1, connect, false)
    side.requests[0].respond('no', {}, 403)
    await side.flush()
    expect(side.parser.field(1, ':status')).toBe('403')
  })

  it('that is answered without a tunnel must not look like one', async () => {
    const side = await openH2ServerSide(answerAtOnce)
    side.ask(1, connect, false)
    await side.flush()
    expect(side.parser.of(1)).toMatchObject([{ type: 'RST_STREAM', code: ErrorCode.CONNECT_ERROR }])
  })

  it('tells the tunnel when the client is lost', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1, connect, false)
    const tunnel = ends()
    side.requests[0].connection.startTunnel(response(101), tunnel)
    side.send(reset(1, 8))
    expect(tunnel.notes).toEqual(['lost'])
  })
})
