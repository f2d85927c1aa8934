import { describe, expect, it } from 'vitest'
import { Caller, eventOf, headerOf, idOf, NEXT, parse, RuntimeSide } from './testing/runtime-side.ts'

const BASE = '/2020-01-01/extension'
const IDENTIFIER = 'Lambda-Extension-Identifier'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

async function register(caller: Caller, name: string, events = ['INVOKE', 'SHUTDOWN']): Promise<string> {
  const received = await caller.ask(
    'POST',
    `${BASE}/register`,
    { 'Lambda-Extension-Name': name },
    JSON.stringify({ events }),
  )
  expect(received.status).toBe(200)
  return headerOf(received, IDENTIFIER)!
}

async function refusal(
  caller: Caller,
  path: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): Promise<string> {
  const received = await caller.ask(path.endsWith('next') ? 'GET' : 'POST', BASE + path, headers, body)
  const { errorType, errorMessage } = JSON.parse(received.body) as { errorType: string; errorMessage: string }
  return `${received.status} ${errorType}: ${errorMessage}`
}

describe('an extension', () => {
  it('registers and is told about the function', async () => {
    const side = new RuntimeSide()
    const headers = { 'Lambda-Extension-Name': 'one', 'Lambda-Extension-Accept-Feature': 'accountId' }
    const received = await side.connect().ask('POST', `${BASE}/register`, headers, '{"events":["INVOKE","SHUTDOWN"]}')
    expect(received.body).toBe(
      '{"functionName":"fn","functionVersion":"$LATEST","handler":"index.handler","accountId":"000000000000"}',
    )
    expect(headerOf(received, IDENTIFIER)).toMatch(UUID)
    expect(side.listener.take()).toEqual(['registered one INVOKE,SHUTDOWN'])
    const { body } = await side.connect().ask('POST', `${BASE}/register`, { 'Lambda-Extension-Name': 'two' }, '{}')
    expect(body).toBe('{"functionName":"fn","functionVersion":"$LATEST","handler":"index.handler"}')
  })

  it('gets invocations and the end', async () => {
    const side = new RuntimeSide()
    const [runtime, extension] = [side.connect(), side.connect()]
    const id = await register(extension, 'one')
    extension.send('GET', `${BASE}/event/next`, { [IDENTIFIER]: id })
    runtime.send('GET', NEXT)
    expect(side.listener.take().slice(1)).toEqual(['extension next one', 'next'])
    side.api.deliver(eventOf(1, { traceId: 'Root=1-2-3' }))
    const invoke = parse(await extension.received())
    expect(invoke.body).toBe(
      `{"eventType":"INVOKE","deadlineMs":1800000000123,"requestId":"${idOf(1)}","invokedFunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:fn:live","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-2-3"}}`,
    )
    expect(headerOf(invoke, 'Lambda-Extension-Event-Identifier')).toMatch(UUID)
    side.api.sendShutdown('SPINDOWN', 1_800_000_002_123)
    const shutdown = await extension.ask('GET', `${BASE}/event/next`, { [IDENTIFIER]: id })
    expect(shutdown.body).toBe('{"eventType":"SHUTDOWN","shutdownReason":"SPINDOWN","deadlineMs":1800000002123}')
    expect(side.listener.take()).toEqual(['extension next one'])
  })

  it('gets only what it asked for', async () => {
    const side = new RuntimeSide()
    const callers = [side.connect(), side.connect()] as const
    const ids = [await register(callers[0], 'invoke', ['INVOKE']), await register(callers[1], 'shutdown', ['SHUTDOWN'])]
    for (const at of [0, 1] as const) callers[at].send('GET', `${BASE}/event/next`, { [IDENTIFIER]: ids[at]! })
    side.api.deliver(eventOf(1))
    await side.connect().ask('GET', NEXT)
    expect(parse(await callers[0].received()).body).toContain('INVOKE')
    side.api.sendShutdown('TIMEOUT', 1)
    expect(parse(await callers[1].received()).body).toContain('TIMEOUT')
    expect(await callers[0].received()).toBe('')
  })

  it('may ask again when its connection broke', async () => {
    const side = new RuntimeSide()
    const first = side.connect()
    const id = await register(first, 'one')
    first.send('GET', `${BASE}/event/next`, { [IDENTIFIER]: id })
    first.socket.destroy()
    await first.received()
    side.api.deliver(eventOf(1))
    await side.connect().ask('GET', NEXT)
    expect((await side.connect().ask('GET', `${BASE}/event/next`, { [IDENTIFIER]: id })).body).toContain(idOf(1))
    expect(side.listener.take().filter((line) => line === 'extension next one')).toHaveLength(1)
  })

  it.each(['init', 'exit'])('reports that it failed (%s/error), once', async (when) => {
    const side = new RuntimeSide()
    const caller = side.connect()
    const headers = { [IDENTIFIER]: await register(caller, 'one') }
    side.listener.take()
    expect(await refusal(caller, `/${when}/error`, headers)).toBe(
      '403 Extension.MissingHeader: Lambda-Extension-Function-Error-Type not found',
    )
    const type = { 'Lambda-Extension-Function-Error-Type': 'Extension.Bad' }
    for (const body of ['{"errorType":"a"}', '']) {
      const received = await caller.ask('POST', `${BASE}/${when}/error`, { ...headers, ...type }, body)
      expect(received).toMatchObject({ status: 202, body: '{"status":"OK"}' })
    }
    const counted = when === 'init' ? 'Extension.InitError' : 'Extension.ExitError'
    expect(side.listener.take()).toEqual([`extension failed one ${counted} {"errorType":"a"}`])
    expect(await refusal(caller, '/event/next', headers)).toMatch(
      /^403 Extension.InvalidExtensionState: State transition from (Init|Exit)Error to Ready/,
    )
  })

  it('cannot fail its init when that is over', async () => {
    const side = new RuntimeSide()
    const caller = side.connect()
    const headers = { [IDENTIFIER]: await register(caller, 'one'), 'Lambda-Extension-Function-Error-Type': 'a' }
    side.connect().send('GET', `${BASE}/event/next`, headers)
    expect(await refusal(caller, '/init/error', headers)).toMatch('from Ready to InitError failed for extension')
    expect(await refusal(caller, '/event/next', headers)).toMatch('from Ready to Ready failed for extension')
  })
})

describe('a registration is refused', () => {
  const name = (value: string): Record<string, string> => ({ 'Lambda-Extension-Name': value })

  it('without a name, or with a bad body', async () => {
    const caller = new RuntimeSide().connect()
    expect(await refusal(caller, '/register', {}, '{}')).toBe(
      '403 Extension.InvalidExtensionName: Empty extension name',
    )
    for (const body of ['', '[]', 'x', '{"events":"INVOKE"}', '{"events":[1]}', '{"configurationKeys":["a"]}'])
      expect(await refusal(caller, '/register', name('a'), body)).toMatch(/^403 InvalidRequestFormat: /)
    expect(await refusal(caller, '/register', name('a'), '{"events":["START"]}')).toBe(
      '403 Extension.InvalidEventType: START: ErrorInvalidEventType',
    )
  })

  it('twice', async () => {
    const caller = new RuntimeSide().connect()
    await register(caller, 'one')
    expect(await refusal(caller, '/register', name('one'), '{}')).toMatch(
      /^403 Extension.InvalidExtensionState: State transition from Registered to Registered failed for extension one/,
    )
  })

  it('for the eleventh', async () => {
    const caller = new RuntimeSide().connect()
    for (let n = 0; n < 10; n++) await register(caller, `e${n}`)
    expect(await refusal(caller, '/register', name('e10'), '{}')).toBe(
      '403 Extension.TooManyExtensions: Extension limit (10) reached',
    )
  })

  it('for internal ones that want SHUTDOWN, or come late', async () => {
    const side = new RuntimeSide({ extensions: ['external'] })
    const caller = side.connect()
    expect(await refusal(caller, '/register', name('mine'), '{"events":["SHUTDOWN"]}')).toBe(
      '403 Extension.InvalidEventType: SHUTDOWN: ErrorEventNotSupportedForInternalAgent',
    )
    await register(caller, 'mine', ['INVOKE'])
    expect(await refusal(caller, '/register', name('mine'), '{}')).toBe(
      '403 Extension.InvalidExtensionState: Extension with this name already registered',
    )
    side.connect().send('GET', NEXT)
    expect(await refusal(caller, '/register', name('late'), '{}')).toBe(
      '403 Extension.RegistrationClosed: Extension registration closed already',
    )
    await register(caller, 'external')
  })

  it('and so is whoever is not known', async () => {
    const caller = new RuntimeSide().connect()
    for (const path of ['/event/next', '/init/error', '/exit/error']) {
      expect(await refusal(caller, path, {})).toBe(
        '403 Extension.MissingExtensionIdentifier: Missing Lambda-Extension-Identifier header',
      )
      expect(await refusal(caller, path, { [IDENTIFIER]: 'x' })).toBe(
        '403 Extension.InvalidExtensionIdentifier: Invalid Lambda-Extension-Identifier',
      )
      expect(await refusal(caller, path, { [IDENTIFIER]: idOf(1) })).toMatch(
        /^403 Extension.UnknownExtensionIdentifier: Unknown /,
      )
    }
  })
})

describe.each([
  ['/2022-07-01/telemetry', 'Telemetry'],
  ['/2020-08-15/logs', 'Logs'],
])('a subscription to %s', (path, api) => {
  const destination = { protocol: 'HTTP', URI: 'http://sandbox.localdomain:8080' }

  it('is accepted, and a notice is given once', async () => {
    const side = new RuntimeSide()
    const caller = side.connect()
    const headers = { [IDENTIFIER]: await register(caller, 'one') }
    side.listener.take()
    const buffering = { timeoutMs: 100, maxBytes: 262_144, maxItems: 1_000 }
    for (let times = 0; times < 2; times++) {
      const body = JSON.stringify({
        schemaVersion: '2022-07-01',
        types: ['platform', 'function'],
        buffering,
        destination,
      })
      const received = await caller.ask('PUT', path, headers, body)
      expect(received).toMatchObject({
        status: 202,
        body: `{"errorMessage":"${api} API is not supported","errorType":"${api}.NotSupported"}`,
      })
    }
    expect(side.listener.take()).toEqual([expect.stringContaining(`notice Extension one subscribed to the ${api} API`)])
  })

  it.each([
    ['x', 'Unexpected token'],
    ['[]', 'the body is not a JSON object'],
    [JSON.stringify({ types: [], destination }), 'types should not be empty'],
    [JSON.stringify({ types: ['all'], destination }), 'types should be among platform, function, extension, not "all"'],
    [JSON.stringify({ types: ['platform'] }), 'destination should be an object'],
    [
      JSON.stringify({ types: ['platform'], destination: { protocol: 'UDP' } }),
      'destination.protocol should be HTTP or TCP',
    ],
    [
      JSON.stringify({ types: ['platform'], destination: { protocol: 'TCP', port: 0 } }),
      'destination.port should be a port',
    ],
    [
      JSON.stringify({ types: [], destination: { protocol: 'HTTP', URI: 'http://sandbox' } }),
      'types should not be empty; URI port is not provided',
    ],
    [
      JSON.stringify({ types: ['platform'], destination: { protocol: 'HTTP', URI: 'http://example.com:80' } }),
      'host sandbox.localdomain',
    ],
    [
      JSON.stringify({ types: ['platform'], destination, buffering: { maxItems: 1 } }),
      'buffering.maxItems should be from 1000 to 10000',
    ],
  ])('is refused for %s', async (body, message) => {
    const side = new RuntimeSide()
    const caller = side.connect()
    const received = await caller.ask('PUT', path, { [IDENTIFIER]: await register(caller, 'one') }, body)
    expect(received.status).toBe(400)
    expect(JSON.parse(received.body)).toMatchObject({
      errorType: 'ValidationError',
      errorMessage: expect.stringContaining(message) as string,
    })
  })

  it('needs an extension', async () => {
    expect(await new RuntimeSide().connect().outcome('PUT', path, '{}')).toBe(
      '403 Extension.MissingExtensionIdentifier',
    )
  })
})
