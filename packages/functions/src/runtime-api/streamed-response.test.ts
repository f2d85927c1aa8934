import { describe, expect, it } from 'vitest'
import { settle } from '../../../wire/src/testing/memory-socket.ts'
import { Caller, chunked, eventOf, idOf, NEXT, parse, responsePath, RuntimeSide } from './testing/runtime-side.ts'

const HTTP = 'application/vnd.awslambda.http-integration-response'
const HEAD =
  `POST ${responsePath(1)} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Type: ${HTTP}\r\n` +
  'Lambda-Runtime-Function-Response-Mode: streaming\r\n' +
  'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n'
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const TRAILERS = `Lambda-Runtime-Function-Error-Type: Runtime.StreamError\r\nLambda-Runtime-Function-Error-Body: ${base64('{"errorMessage":"ż"}')}\r\n`
const STREAM_ERROR = `end ${idOf(1)} Runtime.StreamError ${Buffer.from('{"errorMessage":"ż"}').toString('latin1')}`

async function running(maxStreamedBytes?: number): Promise<{ side: RuntimeSide; runtime: Caller }> {
  const side = new RuntimeSide({ maxStreamedBytes })
  const runtime = side.connect()
  side.api.deliver(eventOf(1))
  await runtime.ask('GET', NEXT)
  side.listener.take()
  return { side, runtime }
}

describe('a streamed response', () => {
  it('goes on piece by piece', async () => {
    const { side, runtime } = await running()
    runtime.socket.receive(HEAD + chunk('{"statusCode":200}') + chunk('\0'.repeat(8)))
    expect(side.listener.take()).toEqual([
      `start ${idOf(1)} ${HTTP}`,
      'chunk {"statusCode":200}',
      `chunk ${'\0'.repeat(8)}`,
    ])
    runtime.socket.receive(chunk('body'))
    expect(side.listener.take()).toEqual(['chunk body'])
    expect(await side.connect().outcome('GET', NEXT)).toBe('403 InvalidStateTransition')
    runtime.socket.receive('0\r\n\r\n')
    expect(parse(await runtime.received())).toMatchObject({ status: 202, body: '{"status":"OK"}' })
    expect(side.listener.take()).toEqual([`end ${idOf(1)} well`])
    expect(await runtime.outcome('GET', NEXT)).toBe('waits')
  })

  it('may be empty, or have a length', async () => {
    const first = await running()
    first.runtime.socket.receive(`${HEAD}0\r\n\r\n`)
    expect(first.side.listener.take()).toEqual([`start ${idOf(1)} ${HTTP}`, `end ${idOf(1)} well`])
    const { side, runtime } = await running()
    await runtime.ask('POST', responsePath(1), { 'Lambda-Runtime-Function-Response-Mode': 'Streaming' }, 'abc')
    expect(side.listener.take()).toEqual([`start ${idOf(1)} -`, 'chunk abc', `end ${idOf(1)} well`])
  })

  it('fails by its trailers', async () => {
    const { side, runtime } = await running()
    runtime.socket.receive(HEAD + chunk('half') + `0\r\n${TRAILERS}\r\n`)
    expect(parse(await runtime.received()).status).toBe(202)
    expect(side.listener.take().slice(1)).toEqual(['chunk half', STREAM_ERROR])
  })

  it.each([
    ['in one piece', [TRAILERS]],
    ['in two', [TRAILERS.slice(0, 30), TRAILERS.slice(30)]],
    ['with an empty line', [`${TRAILERS}\r\n`]],
  ])('fails by trailers that were written as text, as the Rust client does, %s', async (_, pieces) => {
    const { side, runtime } = await running()
    runtime.socket.receive(HEAD + chunk('half') + chunked(pieces))
    expect(side.listener.take().slice(1)).toEqual(['chunk half', STREAM_ERROR])
  })

  it('may have text that begins in the same way', async () => {
    const { side, runtime } = await running()
    const text = 'Lambda-Runtime-Function-Error-Type: is a header\r\n'
    runtime.socket.receive(HEAD + chunk(text) + chunk('of Lambda') + '0\r\n\r\n')
    expect(side.listener.take().slice(1)).toEqual([`chunk ${text}of Lambda`, `end ${idOf(1)} well`])
    const other = await running()
    other.runtime.socket.receive(HEAD + chunk(text + 'x'.repeat(70_000)) + chunk('Lambda') + '0\r\n\r\n')
    expect(other.side.listener.take().slice(1)).toEqual([
      `chunk ${text.length + 70_000} bytes`,
      'chunk Lambda',
      `end ${idOf(1)} well`,
    ])
  })

  it('stops being read while the caller takes nothing', async () => {
    const { side, runtime } = await running()
    side.listener.room = false
    runtime.socket.receive(HEAD + chunk('one') + chunk('two') + chunk('three'))
    expect(side.listener.take().slice(1)).toEqual(['chunk one'])
    expect(runtime.socket.paused).toBe(true)
    runtime.socket.receive(`${chunk('four')}0\r\n\r\n`)
    side.api.resumeResponse()
    expect(side.listener.take()).toEqual(['chunk two'])
    side.listener.room = true
    side.api.resumeResponse()
    await settle()
    expect(side.listener.take()).toEqual(['chunk three', 'chunk four', `end ${idOf(1)} well`])
    expect(parse(await runtime.received()).status).toBe(202)
    side.api.resumeResponse()
  })

  it('ends after the caller has taken all', async () => {
    const { side, runtime } = await running()
    side.listener.room = false
    runtime.socket.receive(HEAD + chunk('one') + chunk('two') + '0\r\n\r\n')
    side.listener.room = true
    expect(await runtime.received()).toBe('')
    side.api.resumeResponse()
    expect(side.listener.take().slice(1)).toEqual(['chunk one', 'chunk two', `end ${idOf(1)} well`])
    expect(parse(await runtime.received()).status).toBe(202)
  })

  it('is whole when its runtime closes behind it', async () => {
    const { side, runtime } = await running()
    side.listener.room = false
    runtime.socket.receive(HEAD + chunk('one') + chunk('two') + '0\r\n\r\n')
    runtime.socket.destroy()
    await settle()
    side.listener.room = true
    side.api.resumeResponse()
    expect(side.listener.take().slice(1)).toEqual(['chunk one', 'chunk two', `end ${idOf(1)} well`])
  })

  it('that breaks off is told, after what had come', async () => {
    const { side, runtime } = await running()
    side.listener.room = false
    runtime.socket.receive(HEAD + chunk('one') + chunk('two'))
    runtime.socket.destroy()
    await settle()
    expect(side.listener.take().slice(1)).toEqual(['chunk one'])
    side.listener.room = true
    side.api.resumeResponse()
    expect(side.listener.take()).toEqual([
      'chunk two',
      expect.stringContaining(`end ${idOf(1)} Runtime.TruncatedResponse`),
    ])
    expect(await side.connect().outcome('GET', NEXT)).toBe('waits')
  })

  it('whose client closes its side is broken off', async () => {
    const { side, runtime } = await running()
    runtime.socket.receive(HEAD + chunk('one'))
    runtime.socket.receiveEnd()
    await settle()
    expect(side.listener.take().slice(2)).toEqual([expect.stringContaining('Runtime.TruncatedResponse')])
  })

  it('whose framing breaks is told so', async () => {
    const { side, runtime } = await running()
    runtime.socket.receive(HEAD + chunk('one') + 'zz\r\n')
    expect(parse(await runtime.received()).status).toBe(400)
    expect(side.listener.take().slice(2)).toEqual([expect.stringContaining('Runtime.TruncatedResponse')])
  })

  it('that is too large ends for the caller at once', async () => {
    const { side, runtime } = await running(10)
    runtime.socket.receive(HEAD + chunk('12345678'))
    runtime.socket.receive(chunk('9abcdef'))
    expect(side.listener.take().slice(1)).toEqual([
      'chunk 12345678',
      `end ${idOf(1)} Function.ResponseSizeTooLarge {"errorMessage":"Response payload size exceeded maximum allowed payload size (10 bytes).","errorType":"Function.ResponseSizeTooLarge"}`,
    ])
    expect(await runtime.received()).toBe('')
    runtime.socket.receive(`${chunk('more')}0\r\n\r\n`)
    expect(parse(await runtime.received()).status).toBe(413)
    expect(side.listener.take()).toEqual([])
    expect(await runtime.outcome('GET', NEXT)).toBe('waits')
  })
})
