import { describe, expect, it } from 'vitest'
import { data, frame, settings, windowUpdate } from '../testing/h2-frames.ts'
import { openH2ServerSide, post } from '../testing/h2-server-side.ts'
import { settle } from '../testing/memory-socket.ts'
import { answerNothing, readBody, response } from '../testing/server-side.ts'
import { ErrorCode, SETTINGS_INITIAL_WINDOW_SIZE } from './frames.ts'

const WINDOW = { streamWindow: 1_000, connectionWindow: 65_535 }
const MEGABYTE = 1_048_576

describe('a request body', () => {
  it('is credited as it is taken: half a window at a time', async () => {
    const side = await openH2ServerSide(readBody, { h2: WINDOW })
    side.ask(1, post(), false)
    side.send(data(1, 'x'.repeat(499)))
    expect(await side.flush()).toEqual([])
    side.send(data(1, 'x'))
    expect(await side.flush()).toMatchObject([
      { type: 'WINDOW_UPDATE', streamId: 1, payload: Buffer.of(0, 0, 1, 0xf4) },
    ])
  })

  it('that nobody takes waits, up to the window of its stream', async () => {
    const side = await openH2ServerSide(answerNothing, { h2: WINDOW })
    side.ask(1, post(), false)
    for (let count = 0; count < 10; count++) side.send(data(1, String(count).repeat(100)))
    expect(await side.flush()).toEqual([])
    expect(side.requests[0].chunks).toHaveLength(0)
    side.requests[0].connection.readRequestBody()
    expect(side.requests[0].body).toHaveLength(1_000)
    expect(side.requests[0].body).toMatch(/^0{100}1{100}2{100}.*9{100}$/)
    expect((await side.flush()).map((one) => one.type)).toContain('WINDOW_UPDATE')
  })

  it('above the window of its stream resets it', async () => {
    const side = await openH2ServerSide(answerNothing, { h2: WINDOW })
    side.ask(1, post(), false)
    side.ask(3, post(), false)
    side.send(data(1, 'x'.repeat(1_002)))
    await side.flush()
    expect(side.parser.resetCode(1)).toBe(ErrorCode.FLOW_CONTROL_ERROR)
    expect(side.requests[0].lost).toBeDefined()
    side.send(data(3, 'x'))
    expect(side.requests[1].lost).toBeUndefined()
  })

  it('above the window of the connection ends the connection', async () => {
    const side = await openH2ServerSide(answerNothing, { h2: { streamWindow: 100_000, connectionWindow: 65_535 } })
    side.ask(1, post(), false)
    for (let count = 0; count < 4; count++) side.send(data(1, 'x'.repeat(16_384)))
    await side.flush()
    expect(side.parser.goAwayCode).toBe(ErrorCode.FLOW_CONTROL_ERROR)
  })

  it('gives back what was not taken when its stream is over', async () => {
    const side = await openH2ServerSide(answerNothing, { h2: { streamWindow: 65_535, connectionWindow: 65_535 } })
    for (let id = 1; id < 40; id += 2) {
      side.ask(id, post(), false)
      side.send(data(id, 'x'.repeat(16_384)), data(id, 'x'.repeat(16_000)))
      side.requests.at(-1)?.respond('no')
      await side.flush()
    }
    expect(side.parser.goAwayCode).toBeUndefined()
  })

  it('that lies about its length, in padded frames or not, costs the window of the connection nothing', async () => {
    const side = await openH2ServerSide(readBody, { h2: { streamWindow: 65_535, connectionWindow: 65_535 } })
    for (let id = 1; id < 40; id += 2) {
      side.ask(id, post(['content-length', '5']), false)
      side.send(frame(0, 8, id, `${String.fromCharCode(200)}${'x'.repeat(16_000)}${'\0'.repeat(200)}`))
      await side.flush()
    }
    expect(side.parser.goAwayCode).toBeUndefined()
    const credited = side.parser.of(0, 'WINDOW_UPDATE').reduce((sum, one) => sum + one.payload.readUInt32BE(0), 0)
    expect(credited).toBeGreaterThan(20 * 16_201 - 32_768)
    // Never more than has come: padding counts once.
    expect(credited).toBeLessThanOrEqual(20 * 16_201)
  })

  it('can be stopped and goes on', async () => {
    const side = await openH2ServerSide((each) => {
      each.onBody = () => each.connection.pauseRequestBody()
      readBody(each)
    })
    side.ask(1, post(), false)
    side.send(data(1, 'one'), data(1, 'two'), data(1, '', true))
    const [each] = side.requests
    expect(each.chunks).toEqual(['one'])
    each.connection.resumeRequestBody()
    expect([each.body, each.complete]).toEqual(['onetwo', false])
    each.connection.resumeRequestBody()
    expect(each.complete).toBe(true)
  })

  it('keeps what an exchange holds on to, whatever is read next', async () => {
    const side = await openH2ServerSide((each) => {
      each.bodyGone = false
      readBody(each)
    })
    side.ask(1, post(), false)
    side.ask(3, post(), false)
    for (const letter of 'abcdefgh') {
      side.send(data(1, letter.repeat(16_384)), data(3, letter.toUpperCase().repeat(10_000)), data(1, letter))
    }
    for (const each of side.requests) expect(Buffer.concat(each.memory).toString('latin1') === each.body).toBe(true)
    expect(side.requests[0].body).toHaveLength(8 * 16_385)
  })

  it('that comes byte by byte and waits takes memory of its size', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1, post(), false)
    const bytes = Buffer.concat(Array.from({ length: 10_000 }, () => data(1, 'x')))
    const before = process.memoryUsage()
    for (let round = 0; round < 20; round++) side.send(bytes)
    const after = process.memoryUsage()
    // 200,000 buffers would be 20 MB and more; what is left is garbage of the reads themselves.
    side.requests[0].connection.readRequestBody()
    expect(side.requests[0].body).toHaveLength(200_000)
    expect(side.requests[0].chunks.length).toBeLessThan(40)
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(8 * MEGABYTE)
  })
})

describe('a response body', () => {
  it('keeps to the windows of its stream and of the connection', async () => {
    const side = await openH2ServerSide(answerNothing, { settings: [[SETTINGS_INITIAL_WINDOW_SIZE, 10]] })
    side.ask(1)
    side.requests[0].respond('0123456789abcdefghij')
    await side.flush()
    expect(side.parser.content(1)).toBe('0123456789')
    side.send(windowUpdate(1, 3))
    await side.flush()
    expect(side.parser.content(1)).toBe('0123456789abc')
    side.send(settings([SETTINGS_INITIAL_WINDOW_SIZE, 14]))
    await side.flush()
    expect(side.parser.content(1)).toBe('0123456789abcdefg')
    expect(side.parser.ended(1)).toBe(false)
    side.send(windowUpdate(1, 100))
    await side.flush()
    expect(side.parser.content(1)).toBe('0123456789abcdefghij')
    expect(side.parser.ended(1)).toBe(true)
    expect(side.connection.streams.size).toBe(0)
  })

  it('keeps to a window that became negative', async () => {
    const side = await openH2ServerSide(answerNothing, { settings: [[SETTINGS_INITIAL_WINDOW_SIZE, 10]] })
    side.ask(1)
    side.requests[0].respond('0123456789abcdefghij')
    side.send(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0]), windowUpdate(1, 10))
    await side.flush()
    expect(side.parser.content(1)).toBe('0123456789')
    side.send(windowUpdate(1, 1))
    await side.flush()
    expect(side.parser.content(1)).toBe('0123456789a')
  })

  it('stops whoever sends it, and tells when there is room', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    const [each] = side.requests
    each.connection.sendHead(response(200))
    expect(each.connection.sendBody(Buffer.alloc(60_000))).toBe(0)
    expect(each.connection.needsDrain).toBe(false)
    expect(each.connection.sendBody(Buffer.alloc(60_000))).toBe(2)
    expect([each.connection.needsDrain, each.connection.backlog]).toEqual([true, 120_000 - 65_535])
    await side.flush()
    side.send(windowUpdate(0, MEGABYTE))
    expect(each.drains).toBe(0)
    side.send(windowUpdate(1, MEGABYTE))
    expect(each.drains).toBe(1)
    expect(each.connection.needsDrain).toBe(false)
  })

  it('shares the window of the connection among streams', async () => {
    const side = await openH2ServerSide(answerNothing)
    for (const id of [1, 3, 5]) side.ask(id)
    for (const each of side.requests) each.respond('x'.repeat(60_000))
    await side.flush()
    side.send(windowUpdate(0, 60_000))
    await side.flush()
    const sent = [1, 3, 5].map((id) => side.parser.content(id).length)
    expect(sent.reduce((a, b) => a + b)).toBe(125_535)
    expect(Math.min(...sent)).toBeGreaterThan(10_000)
    side.send(windowUpdate(0, MEGABYTE))
    await side.flush()
    expect([1, 3, 5].map((id) => side.parser.ended(id))).toEqual([true, true, true])
  })

  it('waits for a socket that is full, and for no more than that', async () => {
    const side = await openH2ServerSide(answerNothing, {
      settings: [[SETTINGS_INITIAL_WINDOW_SIZE, 100 * MEGABYTE]],
    })
    side.send(windowUpdate(0, 100 * MEGABYTE))
    side.ask(1)
    const [each] = side.requests
    each.connection.sendHead(response(200))
    side.socket.block()
    let sent = 0
    for (; each.connection.sendBody(Buffer.alloc(65_536)) === 0; sent += 65_536) await settle()
    expect(sent).toBeLessThan(MEGABYTE)
    side.socket.unblock()
    await side.flush()
    expect(each.drains).toBe(1)
    expect(side.parser.content(1)).toHaveLength(sent + 65_536)
  })

  it('is dropped when the client gives the stream up', async () => {
    const side = await openH2ServerSide(answerNothing, { settings: [[SETTINGS_INITIAL_WINDOW_SIZE, 10]] })
    side.ask(1)
    side.requests[0].respond('x'.repeat(100))
    side.send(frame(3, 0, 1, '\0\0\0\x08'), windowUpdate(1, 100))
    await side.flush()
    expect(side.parser.content(1)).toHaveLength(10)
    expect(side.connection.streams.size).toBe(0)
  })
})

describe('a window', () => {
  it.each([
    ['of a stream', 1, 'RST_STREAM'],
    ['of the connection', 0, 'GOAWAY'],
  ])('%s above 2^31-1 is an error', async (_, id, type) => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.send(windowUpdate(id, 0x7fff_ffff))
    const frames = await side.flush()
    expect(frames).toMatchObject([{ type, code: ErrorCode.FLOW_CONTROL_ERROR }])
  })

  it.each([
    ['of a stream', 1, 'RST_STREAM'],
    ['of the connection', 0, 'GOAWAY'],
  ])('%s that grows by nothing is an error', async (_, id, type) => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.send(windowUpdate(id, 0))
    expect(await side.flush()).toMatchObject([{ type, code: ErrorCode.PROTOCOL_ERROR }])
  })

  it('of a stream that SETTINGS make too large is an error', async () => {
    const side = await openH2ServerSide(answerNothing)
    side.ask(1)
    side.send(windowUpdate(1, 0x7fff_0000 - 65_535), settings([SETTINGS_INITIAL_WINDOW_SIZE, 0x7fff_ffff]))
    await side.flush()
    expect(side.parser.goAwayCode).toBe(ErrorCode.FLOW_CONTROL_ERROR)
  })
})
