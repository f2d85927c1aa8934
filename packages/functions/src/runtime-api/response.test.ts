import { describe, expect, it } from 'vitest'
import { MAX_RESPONSE_BYTES } from './limits.ts'
import {
  Caller,
  chunked,
  errorPath,
  eventOf,
  headerOf,
  idOf,
  NEXT,
  parse,
  responsePath,
  RuntimeSide,
} from './testing/runtime-side.ts'

/** A runtime that has got event 1. */
async function running(): Promise<{ side: RuntimeSide; runtime: Caller }> {
  const side = new RuntimeSide()
  const runtime = side.connect()
  side.api.deliver(eventOf(1))
  await runtime.ask('GET', NEXT)
  side.listener.take()
  return { side, runtime }
}

const CHUNKED = { 'Transfer-Encoding': 'chunked' }

describe('a buffered response', () => {
  it('goes to the caller as it is', async () => {
    const { side, runtime } = await running()
    const received = await runtime.ask('POST', responsePath(1), { 'Content-Type': 'text/x' }, ' ["ż"]\0')
    expect(received).toEqual({
      status: 202,
      head: 'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n',
      body: '{"status":"OK"}',
    })
    expect(side.listener.take()).toEqual([`response ${idOf(1)} text/x ${Buffer.from(' ["ż"]\0').toString('latin1')}`])
  })

  it.each([
    ['empty', '', {}],
    ['chunked', chunked(['{"a"', ':1}']), CHUNKED],
    ['chunked and empty', chunked([]), CHUNKED],
  ])('may be %s', async (_, body, headers) => {
    const { side, runtime } = await running()
    expect((await runtime.ask('POST', responsePath(1), headers, body)).status).toBe(202)
    expect(side.listener.bodies[0]?.toString()).toBe(body.includes('"a"') ? '{"a":1}' : '')
  })

  it.each([1, 7, 1_000, 65_536, 131_072])('may come in reads of %s bytes', async (size) => {
    const { side, runtime } = await running()
    const body = Buffer.alloc(size < 1_000 ? 2_000 : 400_000, 'abcdefg').toString()
    const head = `POST ${responsePath(1)} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`
    runtime.socket.receiveInPieces(head + body, size)
    expect(parse(await runtime.received()).status).toBe(202)
    expect(side.listener.bodies[0]!.equals(Buffer.from(body))).toBe(true)
  })

  it('is kept whole while the next request is read', async () => {
    const { side, runtime } = await running()
    const body = 'x'.repeat(5_000)
    await runtime.ask('POST', responsePath(1), {}, body)
    for (let times = 0; times < 20; times++) await runtime.ask('GET', `/ping?${'y'.repeat(5_000)}`)
    expect(side.listener.bodies[0]!.toString()).toBe(body)
  })

  it('is answered once a 100 Continue has been waited for', async () => {
    const { runtime } = await running()
    runtime.socket.receive(
      `POST ${responsePath(1)} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`,
    )
    expect(await runtime.received()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    runtime.socket.receive('{}')
    expect(parse(await runtime.received()).status).toBe(202)
  })

  it('may be as large as 6,291,556 bytes', async () => {
    const { side, runtime } = await running()
    const body = 'x'.repeat(MAX_RESPONSE_BYTES)
    expect((await runtime.ask('POST', responsePath(1), {}, body)).status).toBe(202)
    expect(side.listener.bodies[0]).toHaveLength(MAX_RESPONSE_BYTES)
  })

  it('that is larger is 413, after it was read, and the connection goes on', async () => {
    const { side, runtime } = await running()
    const received = await runtime.ask('POST', responsePath(1), {}, 'x'.repeat(MAX_RESPONSE_BYTES + 1))
    expect(received.status).toBe(413)
    expect(received.body).toBe(
      '{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}',
    )
    expect(side.listener.take()).toEqual([`too large ${idOf(1)} ${MAX_RESPONSE_BYTES + 1}`])
    expect(await runtime.outcome('GET', NEXT)).toBe('waits')
    side.api.deliver(eventOf(2))
    expect(parse(await runtime.received()).body).toBe('{"n":2}')
  })

  it('that is larger is 413 when it is chunked, too', async () => {
    const { side, runtime } = await running()
    const mega = 'x'.repeat(1_048_576)
    const received = await runtime.ask(
      'POST',
      responsePath(1),
      CHUNKED,
      chunked([mega, mega, mega, mega, mega, mega, mega]),
    )
    expect(received.status).toBe(413)
    expect(side.listener.take()).toEqual([expect.stringMatching(/^too large/)])
  })

  it('that is said to be endless is not waited for', async () => {
    const { side, runtime } = await running()
    runtime.socket.receive(`POST ${responsePath(1)} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\nxx`)
    const received = parse(await runtime.received())
    expect(received.status).toBe(413)
    expect(headerOf(received, 'Connection')).toBe('close')
    expect(side.listener.take()).toEqual([`too large ${idOf(1)} 99999999999`])
  })

  it('that breaks off is an error', async () => {
    const { side, runtime } = await running()
    runtime.socket.receive(`POST ${responsePath(1)} HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nxx`)
    runtime.socket.destroy()
    await runtime.received()
    expect(side.listener.take()).toEqual([expect.stringContaining(`error ${idOf(1)} Runtime.TruncatedResponse`)])
    expect(await side.connect().outcome('GET', NEXT)).toBe('waits')
  })

  it('whose framing breaks is told so', async () => {
    const { side, runtime } = await running()
    const received = await runtime.ask('POST', responsePath(1), CHUNKED, '2\r\nab\r\nzz\r\n')
    expect(received.status).toBe(400)
    expect(received.body).toBe(
      '{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}',
    )
    expect(side.listener.take()).toEqual([expect.stringContaining('Runtime.TruncatedResponse')])
  })

  it('of an unknown mode is refused, and an error for the caller', async () => {
    const { side, runtime } = await running()
    const headers = { 'Lambda-Runtime-Function-Response-Mode': 'stream' }
    const received = await runtime.ask('POST', responsePath(1), headers, '{}')
    expect(received.status).toBe(400)
    expect(received.body).toBe(
      '{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}',
    )
    expect(side.listener.take()).toEqual([expect.stringContaining('Runtime.InvalidResponseModeHeader')])
    expect(await runtime.outcome('GET', NEXT)).toBe('waits')
  })
})

describe('an error', () => {
  const TYPE = 'Lambda-Runtime-Function-Error-Type'
  const CAUSE = 'Lambda-Runtime-Function-XRay-Error-Cause'

  it.each([
    ['Runtime.ExitError', 'Runtime.ExitError'],
    ['Function.MyFault', 'Function.MyFault'],
    ['Function.', 'Function.Unknown'],
    ['Function.lower', 'Function.Unknown'],
    ['unhandled', 'Runtime.Unknown'],
    ['&alloc::boxed::Box<dyn core::error::Error>', 'Runtime.Unknown'],
    ['TypeError', 'Runtime.Unknown'],
    ['', 'Runtime.Unknown'],
  ])('of the type %j is a %s', async (posted, counted) => {
    const { side, runtime } = await running()
    const body = '{"errorMessage":"ż","errorType":"Any","stackTrace":[]}'
    expect((await runtime.ask('POST', errorPath(1), { [TYPE.toLowerCase()]: posted }, body)).status).toBe(202)
    expect(side.listener.take()).toEqual([`error ${idOf(1)} ${counted} ${Buffer.from(body).toString('latin1')}`])
  })

  it('needs neither type nor body', async () => {
    const { side, runtime } = await running()
    expect(await runtime.outcome('POST', errorPath(1))).toBe('202')
    expect(side.listener.take()).toEqual([`error ${idOf(1)} Runtime.Unknown `])
  })

  it('keeps its cause, cropped to 64 KiB', async () => {
    const { side, runtime } = await running()
    await runtime.ask('POST', errorPath(1), { [CAUSE]: '{"message":"a"}' }, '{}')
    expect(side.listener.take()).toEqual([`error ${idOf(1)} Runtime.Unknown {} cause {"message":"a"}`])
    const exceptions = Array.from({ length: 1_000 }, (_, n) => ({ message: 'x'.repeat(80), n }))
    side.api.deliver(eventOf(2))
    await runtime.ask('GET', NEXT)
    await runtime.ask('POST', errorPath(2), { [CAUSE]: JSON.stringify({ exceptions }) }, '{}')
    const [line] = side.listener.take().slice(-1)
    const length = Number(/cause (\d+) characters/.exec(line!)?.[1])
    expect(length).toBeGreaterThan(40_000)
    expect(length).toBeLessThanOrEqual(65_536)
  })

  it.each(['[]', 'x', '{', '1'])('has no cause where that is %s', async (cause) => {
    const { side, runtime } = await running()
    await runtime.ask('POST', errorPath(1), { [CAUSE]: cause }, '{}')
    expect(side.listener.take()).toEqual([`error ${idOf(1)} Runtime.Unknown {}`])
  })

  it('of init is told with its body', async () => {
    const side = new RuntimeSide()
    const runtime = side.connect()
    const received = await runtime.ask(
      'POST',
      '/2018-06-01/runtime/init/error',
      { [TYPE]: 'Runtime.ImportModuleError' },
      '{"a":1}',
    )
    expect(received).toMatchObject({ status: 202, body: '{"status":"OK"}' })
    expect(side.listener.take()).toEqual(['init error Runtime.ImportModuleError {"a":1}'])
  })
})
