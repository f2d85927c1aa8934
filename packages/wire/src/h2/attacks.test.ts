import { describe, expect, it } from 'vitest'
import {
  data,
  frame,
  goAway,
  ping,
  priority,
  reset,
  settings,
  settingsAck,
  windowUpdate,
  type Fields,
} from '../testing/h2-frames.ts'
import { openH2ClientSide } from '../testing/h2-client-side.ts'
import { openH2ServerSide, post, REQUEST, request, type H2ServerSide } from '../testing/h2-server-side.ts'
import { answerAtOnce, answerNothing, readBody, response } from '../testing/server-side.ts'
import { CONTINUATION, END_HEADERS, END_STREAM, ErrorCode, HEADERS, SETTINGS_INITIAL_WINDOW_SIZE } from './frames.ts'

const MEGABYTE = 1_048_576

/** Sends what `attack` makes, a thousand frames a read, until the connection is closed. @returns how often it was called */
async function flood(side: H2ServerSide, attack: (count: number) => Uint8Array, most = 50_000): Promise<number> {
  let count = 0
  while (count < most && !side.connection.closed) {
    side.send(...Array.from({ length: 1_000 }, () => attack(count++)))
    await side.flush()
  }
  return count
}

/** Streams in order, each begun and given up. */
const rapidly =
  (side: H2ServerSide, fields: Fields, ...frames: readonly ((id: number) => Uint8Array)[]) =>
  (count: number): Buffer =>
    Buffer.concat([side.writer.headers(1 + 2 * count, fields, false), ...frames.map((each) => each(1 + 2 * count))])

describe('requests that are taken back', () => {
  it.each<[string, Fields, (id: number) => Uint8Array]>([
    ['by RST_STREAM (rapid reset, CVE-2023-44487)', post(), (id) => reset(id, ErrorCode.CANCEL)],
    ['by a window that grows by nothing (CVE-2025-8671)', post(), (id) => windowUpdate(id, 0)],
    ['by a window that is too large', post(), (id) => windowUpdate(id, 0x7fff_ffff)],
    ['by PRIORITY of a wrong size', post(), (id) => frame(2, 0, id, '1234')],
    ['by trailers that are none', post(), (id) => frame(HEADERS, END_HEADERS, id, '\x82')],
    ['by a body that is longer than it says', post(['content-length', '1']), (id) => data(id, 'ab')],
    ['by a body that is shorter than it says', post(['content-length', '1']), (id) => data(id, '', true)],
    ['by DATA above the window', post(), (id) => data(id, Buffer.alloc(102))],
    ['because they are none', REQUEST.slice(1), () => Buffer.alloc(0)],
  ])('%s: a thousand, and then calm', async (_, fields, end) => {
    const side = await openH2ServerSide(answerNothing, { h2: { streamWindow: 100 } })
    await flood(side, rapidly(side, fields, end))
    expect(side.parser.goAwayCode).toBe(ErrorCode.ENHANCE_YOUR_CALM)
    expect(side.requests.length).toBeLessThanOrEqual(1_001)
    expect(side.requests.every((each) => each.lost !== undefined)).toBe(true)
    expect(side.connection.streams.size).toBe(0)
  })

  it('at a rate that happens are no attack', async () => {
    const side = await openH2ServerSide(answerNothing)
    for (let second = 0; second < 60; second++) {
      side.clock.pass(1_000)
      for (let count = 0; count < 90; count++)
        side.send(rapidly(side, post(), (id) => reset(id, 8))(second * 90 + count))
    }
    expect(side.connection.closed).toBe(false)
    expect(side.requests).toHaveLength(5_400)
  })

  it('above the limit of streams are as many', async () => {
    const side = await openH2ServerSide(answerNothing, { h2: { maxConcurrentStreams: 1 } })
    const count = await flood(side, (each) => side.writer.headers(1 + 2 * each, REQUEST, true))
    expect([count <= 2_000, side.requests.length]).toEqual([true, 1])
    expect(side.parser.goAwayCode).toBe(ErrorCode.ENHANCE_YOUR_CALM)
  })
})

describe('frames that do nothing', () => {
  const nothing: [string, (side: H2ServerSide) => Uint8Array][] = [
    ['SETTINGS', () => settings()],
    ['SETTINGS acknowledgements', () => settingsAck],
    ['PING', () => ping()],
    ['PING acknowledgements', () => ping('12345678', true)],
    ['PRIORITY', () => priority(1)],
    ['WINDOW_UPDATE of the connection', () => windowUpdate(0, 1)],
    ['WINDOW_UPDATE of a stream', () => windowUpdate(1, 1)],
    ['WINDOW_UPDATE of a stream that is over', () => windowUpdate(3, 1)],
    ['RST_STREAM of a stream that is over', () => reset(3, 8)],
    ['DATA of a stream that is over', () => data(3, '')],
    ['empty DATA', () => data(1, '')],
    ['empty DATA with padding', () => frame(0, 8, 1, '\0')],
    ['unknown frames', () => frame(0x77, 0, 0, 'what')],
    ['GOAWAY', () => goAway(0)],
  ]
  it.each(nothing)('%s: two thousand, and then calm', async (name, make) => {
    const side = await openH2ServerSide((each) => {
      if (each.head.target === '/done') each.respond('')
      else readBody(each)
    })
    side.ask(1, post(), false)
    side.ask(3, request([':path', '/done']))
    const one = make(side)
    const count = await flood(side, () => one)
    // A frame of nothing but padding moves the windows, and pays for itself by them.
    if (name === 'empty DATA with padding') expect(side.connection.closed).toBe(false)
    else {
      expect(count).toBeLessThanOrEqual(3_000)
      expect(side.parser.goAwayCode).toBe(ErrorCode.ENHANCE_YOUR_CALM)
    }
    // As many as were answered, and one.
    expect(side.parser.seen.length).toBeLessThan(3_000)
  })

  it('are no attack among frames that do something', async () => {
    const side = await openH2ServerSide(answerAtOnce)
    for (let id = 1; id < 20_000; id += 2) side.send(ping(), windowUpdate(0, 1), side.writer.headers(id, REQUEST, true))
    expect(side.connection.closed).toBe(false)
    expect(side.requests).toHaveLength(10_000)
  })

  it('are none at a rate that happens', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    for (let second = 0; second < 100; second++) {
      side.clock.pass(1_000)
      for (let count = 0; count < 150; count++) side.send(ping())
    }
    expect(side.connection.closed).toBe(false)
  })
})

describe('field blocks', () => {
  it('in endless CONTINUATIONs (CVE-2024-27316) end the connection', async () => {
    for (const size of [0, 1, 16_384]) {
      const side = await openH2ServerSide(answerNothing)
      side.send(frame(HEADERS, END_STREAM, 1, side.writer.block(REQUEST)))
      let count = 0
      while (!side.connection.closed && count < 100) {
        side.send(frame(CONTINUATION, 0, 1, Buffer.alloc(size)))
        count++
      }
      await side.flush()
      expect(count).toBeLessThan(40)
      expect(side.parser.goAwayCode).toBe(ErrorCode.ENHANCE_YOUR_CALM)
      expect(side.requests).toHaveLength(0)
    }
  })

  it('that are small and unfold (HPACK bomb) are decoded to nothing, and answered 431', async () => {
    const side = await openH2ServerSide(answerNothing)
    const bomb = Buffer.concat([
      // x: 4,000 letters, then the entry of the table that this makes, 16,000 times: 64 MB.
      Buffer.from('400178', 'hex'),
      Buffer.from('7fa11e', 'hex'),
      Buffer.alloc(4_000, 'v'),
    ])
    side.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([side.writer.block(REQUEST, false), bomb])))
    expect(side.requests).toHaveLength(1)
    const before = process.memoryUsage().heapUsed
    const start = performance.now()
    for (let id = 3; id < 43; id += 2) {
      side.send(
        frame(
          HEADERS,
          END_HEADERS | END_STREAM,
          id,
          Buffer.concat([side.writer.block(REQUEST, false), Buffer.alloc(16_000, 0xbe)]),
        ),
      )
    }
    await side.flush()
    expect(side.handler.refusals.map((one) => one.code)).toEqual(Array.from({ length: 20 }, () => 'HEAD_TOO_LARGE'))
    expect(side.parser.field(3, ':status')).toBe('431')
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 * MEGABYTE)
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  it('of more fields than allowed, or a little too large, are answered 431', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1, request(...Array.from({ length: 130 }, () => ['x', ''] as const)))
    // Letters that Huffman's code makes longer.
    side.send(side.writer.headersInPieces(3, request(['x-long', '~'.repeat(33_000)]), 16_000, true))
    side.ask(5)
    await side.flush()
    expect([1, 3].map((id) => side.parser.field(id, ':status'))).toEqual(['431', '431'])
    expect(side.requests).toHaveLength(1)
  })

  it('in trailers have the same limits', async () => {
    const side = await openH2ServerSide(readBody)
    side.ask(1, post(), false)
    side.send(
      side.writer.headers(
        1,
        Array.from({ length: 130 }, () => ['x', ''] as const),
        true,
      ),
    )
    await side.flush()
    expect(side.requests[0].complete).toBe(false)
    expect(side.parser.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR)
  })
})

describe('a client that takes nothing', () => {
  it('by a window of zero keeps what one read brings, for body_timeout', async () => {
    const side = await openH2ServerSide(answerNothing, { settings: [[SETTINGS_INITIAL_WINDOW_SIZE, 0]] })
    for (let id = 1; id < 256; id += 2) side.ask(id)
    for (const each of side.requests) {
      each.connection.sendHead(response(200))
      each.connection.sendBody(Buffer.alloc(1_000))
    }
    expect(side.requests.every((each) => each.connection.needsDrain)).toBe(true)
    side.clock.pass(60_000)
    expect(side.requests.every((each) => each.lost?.code === 'CLIENT_GONE')).toBe(true)
    expect(side.connection.streams.size).toBe(0)
  })

  it.each<[string, (side: H2ServerSide) => (count: number) => Uint8Array]>([
    ['PING', () => () => ping()],
    [
      'answers without content',
      (side) => (count) => side.writer.headers(1 + 2 * count, request([':method', 'HEAD']), true),
    ],
    ['refusals', (side) => (count) => side.writer.headers(1 + 2 * count, request([':authority', 'a@b']), true)],
    ['resets', (side) => (count) => side.writer.headers(1 + 2 * count, REQUEST.slice(1), true)],
  ])('by a socket that is full cannot make it fuller with %s', async (_, attack) => {
    const side = await openH2ServerSide(
      (each) => (each.head.target === '/long' ? undefined : each.respond('', { 'x-some': 'field of the response' })),
      { settings: [[SETTINGS_INITIAL_WINDOW_SIZE, 0x7fff_ffff]] },
    )
    side.send(windowUpdate(0, 0x7fff_0000))
    side.ask(1, request([':path', '/long']))
    side.requests[0].connection.sendHead(response(200))
    side.socket.block()
    for (let count = 0; count < 10; count++) {
      side.requests[0].connection.sendBody(Buffer.alloc(65_536))
      await side.flush()
    }
    const make = attack(side)
    // Slowly enough for the guard against floods.
    const slowly = (count: number): Uint8Array => {
      side.clock.pass(10)
      return make(count + 1)
    }
    await flood(side, slowly, 100_000)
    expect(side.connection.closed).toBe(true)
    expect(side.connection.output.backlog).toBeLessThan(3 * MEGABYTE)
    side.clock.pass(1_000)
    side.clock.pass(1_000)
    expect(side.socket.destroyed).toBe(true)
  })

  it('holds no more than the window of its connection in bodies that nobody reads', async () => {
    const side = await openH2ServerSide(answerNothing)
    let sent = 0
    for (let id = 1; id < 256 && !side.connection.closed; id += 2) {
      side.ask(id, post(), false)
      for (let count = 0; count < 16; count++, sent += 16_384) side.send(data(id, Buffer.alloc(16_384)))
    }
    await side.flush()
    expect(side.parser.goAwayCode).toBe(ErrorCode.FLOW_CONTROL_ERROR)
  })
})

describe('an upstream that misbehaves', () => {
  it.each([
    ['PING', () => ping()],
    ['SETTINGS', () => settings()],
    ['empty DATA', () => data(1, '')],
    ['HEADERS of a stream that is over', () => frame(HEADERS, END_HEADERS, 3, '\x88')],
    ['DATA of a stream that is over', () => data(3, '')],
    ['GOAWAY', () => goAway(1)],
  ])('by a flood of %s loses its connection', async (_, make) => {
    const side = await openH2ClientSide()
    const { exchange } = side.ask()
    side.ask().stream.discard()
    side.answer(1)
    let count = 0
    for (; count < 5_000 && !side.connection.closed; count++) side.send(make())
    expect(count).toBeLessThan(3_000)
    expect(exchange.error?.code).toBe('BODY_CUT')
  })

  it('by reading nothing gets no more requests', async () => {
    const side = await openH2ClientSide()
    side.socket.block()
    let count = 0
    for (; side.connection.room > 0 && count < 100_000; count++) {
      side.ask({ fields: `X-Number: ${count}${'x'.repeat(100)}\r\n` }).stream.discard()
      if (count % 100 === 0) await side.flush()
    }
    expect(count).toBeLessThan(20_000)
    expect(side.connection.output.backlog).toBeLessThan(2 * MEGABYTE)
  })
})
