import { describe, expect, it } from 'vitest'
import { Caller, chunked, errorPath, eventOf, NEXT, responsePath, RuntimeSide } from './testing/runtime-side.ts'

const INIT_ERROR = '/2018-06-01/runtime/init/error'
const RESTORE_NEXT = '/2018-06-01/runtime/restore/next'
const RESTORE_ERROR = '/2018-06-01/runtime/restore/error'

/** How a runtime gets to each state; what happens there must not depend on which connection asks. */
const WAYS: Readonly<Record<string, (side: RuntimeSide, runtime: Caller) => Promise<unknown>>> = {
  Started: async () => undefined,
  'Started, with an event': async (side) => side.api.deliver(eventOf(1)),
  InitError: (_, runtime) => runtime.ask('POST', INIT_ERROR, {}, '{}'),
  Restoring: (_, runtime) => runtime.ask('GET', RESTORE_NEXT),
  Ready: (_, runtime) => runtime.ask('GET', NEXT),
  Running: async (side, runtime) => {
    side.api.deliver(eventOf(1))
    await runtime.ask('GET', NEXT)
  },
  Responding: async (side, runtime) => {
    side.api.deliver(eventOf(1))
    await runtime.ask('GET', NEXT)
    await runtime.ask('POST', responsePath(1), { 'Transfer-Encoding': 'chunked' }, '1\r\na\r\n')
  },
  'Reporting an error': async (side, runtime) => {
    side.api.deliver(eventOf(1))
    await runtime.ask('GET', NEXT)
    await runtime.ask('POST', errorPath(1), { 'Transfer-Encoding': 'chunked' }, '1\r\n{\r\n')
  },
  ResponseSent: async (side, runtime) => {
    side.api.deliver(eventOf(1))
    await runtime.ask('GET', NEXT)
    await runtime.ask('POST', responsePath(1), {}, 'a')
  },
}

const FORBIDDEN = '403 InvalidStateTransition'
const BAD_ID = '400 InvalidRequestID'
const CALLS = [
  'GET next',
  'POST response',
  'POST response of another',
  'POST error',
  'POST init/error',
  'GET restore/next',
  'POST restore/error',
] as const
const PATHS: Readonly<Record<(typeof CALLS)[number], string>> = {
  'GET next': NEXT,
  'POST response': responsePath(1),
  'POST response of another': responsePath(2),
  'POST error': errorPath(1),
  'POST init/error': INIT_ERROR,
  'GET restore/next': RESTORE_NEXT,
  'POST restore/error': RESTORE_ERROR,
}

/** One column a call, in the order of CALLS. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  Started: ['waits', FORBIDDEN, FORBIDDEN, FORBIDDEN, '202', '200', FORBIDDEN],
  'Started, with an event': ['200', FORBIDDEN, FORBIDDEN, FORBIDDEN, '202', '200', FORBIDDEN],
  InitError: [FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN],
  Restoring: ['waits', FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, '200', '202'],
  Ready: ['waits', BAD_ID, BAD_ID, BAD_ID, FORBIDDEN, FORBIDDEN, FORBIDDEN],
  Running: ['200', '202', BAD_ID, '202', FORBIDDEN, FORBIDDEN, FORBIDDEN],
  Responding: [FORBIDDEN, FORBIDDEN, BAD_ID, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN],
  'Reporting an error': [FORBIDDEN, FORBIDDEN, BAD_ID, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN],
  ResponseSent: ['waits', BAD_ID, BAD_ID, BAD_ID, FORBIDDEN, FORBIDDEN, FORBIDDEN],
}

describe.each(Object.keys(TABLE))('a runtime that is %s', (state) => {
  it.each(CALLS.map((call, at) => [call, TABLE[state]![at]!] as const))('%s: %s', async (call, expected) => {
    const side = new RuntimeSide()
    await WAYS[state]!(side, side.connect())
    const [method] = call.split(' ', 1)
    expect(await side.connect().outcome(method!, PATHS[call], method === 'POST' ? '{}' : '')).toBe(expected)
  })
})

describe('the words of a refusal', () => {
  it('name both states', async () => {
    const side = new RuntimeSide()
    expect((await side.connect().ask('POST', responsePath(1), {}, '{}')).body).toBe(
      '{"errorMessage":"State transition from Started to InvocationResponse failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}',
    )
    const runtime = side.connect()
    side.api.deliver(eventOf(1))
    await runtime.ask('GET', NEXT)
    expect((await runtime.ask('POST', INIT_ERROR, {}, '{}')).body).toContain('from Running to InitError')
    expect((await runtime.ask('POST', responsePath(2), {}, '{}')).body).toBe(
      '{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}',
    )
    await runtime.ask('POST', responsePath(1), {}, '{}')
    expect((await runtime.ask('POST', INIT_ERROR, {}, '{}')).body).toContain(
      'from RuntimeResponseSentState to InitError',
    )
  })

  it('come after the body that nobody wants, so that the connection goes on', async () => {
    const side = new RuntimeSide()
    const runtime = side.connect()
    const large = 'x'.repeat(200_000)
    expect(await runtime.outcome('POST', responsePath(1), large)).toBe(FORBIDDEN)
    const received = await runtime.ask(
      'POST',
      responsePath(1),
      { 'Transfer-Encoding': 'chunked' },
      chunked([large, large]),
    )
    expect(received.status).toBe(403)
    expect(received.head).not.toContain('Connection: close')
    expect(await runtime.outcome('GET', NEXT)).toBe('waits')
  })

  it('are for unknown paths and methods, too', async () => {
    const runtime = new RuntimeSide().connect()
    for (const path of ['/', '/2018-06-01/', '/2015-03-31/functions', '/2018-06-01/runtime/invocation/a/b', `${NEXT}/`])
      expect(await runtime.outcome('GET', path)).toBe('404 NotFound')
    expect(await runtime.outcome('POST', NEXT)).toBe('404 NotFound')
    expect(await runtime.outcome('GET', responsePath(1))).toBe('404 NotFound')
  })
})

describe('the rest', () => {
  it('answers ping', async () => {
    const runtime = new RuntimeSide().connect()
    for (const path of ['/ping', '/2018-06-01/ping'])
      expect(await runtime.ask('GET', path)).toMatchObject({ status: 200, body: 'pong' })
  })

  it('hears nothing after it was closed', async () => {
    const side = new RuntimeSide()
    const [runtime, poll] = [side.connect(), side.connect()]
    side.api.deliver(eventOf(1))
    await poll.ask('GET', NEXT)
    runtime.send('POST', responsePath(1), { 'Transfer-Encoding': 'chunked' }, '1\r\na\r\n')
    side.listener.take()
    side.api.close()
    await runtime.received()
    expect(side.listener.take()).toEqual([])
    expect(runtime.socket.destroyed && poll.socket.destroyed).toBe(true)
    const late = side.connect()
    expect(late.socket.destroyed).toBe(true)
    side.api.deliver(eventOf(2))
    side.api.close()
  })

  it('closes connections beyond the limit', async () => {
    const side = new RuntimeSide()
    const callers = Array.from({ length: 140 }, () => side.connect())
    expect(callers.filter((one) => one.socket.destroyed)).toHaveLength(140 - 129)
    callers[0]!.socket.destroy()
    await callers[0]!.received()
    expect(side.connect().socket.destroyed).toBe(false)
    side.api.close()
  })
})
