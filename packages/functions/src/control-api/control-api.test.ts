import { connect } from 'node:net'
import {
  CreateFunctionCommand,
  GetFunctionCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
  TooManyRequestsException,
} from '@aws-sdk/client-lambda'
import { afterEach, describe, expect, it } from 'vitest'
import type { InvocationSink } from '../engine/invocation.ts'
import { conflict, throttled } from '../model/service-error.ts'
import type { ControlApiOptions } from './control-api.ts'
import { result } from './testing/fake-engine.ts'
import { startControlApi, type RunningControlApi } from './testing/start-control-api.ts'

let api: RunningControlApi
afterEach(() => api.close())

const start = async (parts: Partial<ControlApiOptions> = {}): Promise<RunningControlApi> =>
  (api = await startControlApi(parts))

const client = (secretAccessKey = 'any'): LambdaClient =>
  new LambdaClient({
    endpoint: api.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey },
    maxAttempts: 1,
  })
const text = (payload: Uint8Array | undefined): string => Buffer.from(payload ?? []).toString()
const invokeUrl = (): string => `${api.endpoint}/2015-03-31/functions/echo/invocations`

describe('Invoke', () => {
  it('answers what the function answered', async () => {
    await start()
    const answer = await client().send(new InvokeCommand({ FunctionName: 'echo', Payload: '{"a":"żółw"}' }))
    expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' })
    expect(answer.FunctionError).toBeUndefined()
    expect(text(answer.Payload)).toBe('{"a":"żółw"}')
    const [invocation] = api.engine.invocations
    expect(answer.$metadata.requestId).toBe(invocation.requestId)
    expect(invocation.traceId).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/)
    expect(invocation.invokedArn).toBe('arn:aws:lambda:us-east-1:000000000000:function:echo')
  })

  it('hands over qualifier, client context, tenant and trace; no payload is {}', async () => {
    await start()
    const context = { custom: { a: 'ż' } }
    const command = new InvokeCommand({
      FunctionName: 'arn:aws:lambda:us-east-1:000000000000:function:echo',
      Qualifier: 'live',
      ClientContext: Buffer.from(JSON.stringify(context, null, 2)).toString('base64'),
      TenantId: 'tenant-1',
    })
    const answer = await client().send(command)
    expect(text(answer.Payload)).toBe('{}')
    expect(api.engine.invocations[0]).toMatchObject({
      invokedArn: 'arn:aws:lambda:us-east-1:000000000000:function:echo:live',
      clientContext: '{"custom":{"a":"ż"}}',
      tenantId: 'tenant-1',
      tail: false,
    })
  })

  it('tells of an error of the function with status 200, and of the log', async () => {
    await start()
    api.engine.onInvoke = (invocation, sink) => {
      expect(invocation.tail).toBe(true)
      const payload = Buffer.from('{"errorType":"Sandbox.Timedout"}')
      sink.onResult(result({ payload, functionError: 'Unhandled', errorType: 'x', logTail: Buffer.from('START …') }))
    }
    const answer = await client().send(new InvokeCommand({ FunctionName: 'echo', LogType: 'Tail' }))
    expect(answer).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' })
    expect(Buffer.from(answer.LogResult ?? '', 'base64').toString()).toBe('START …')
    expect(text(answer.Payload)).toBe('{"errorType":"Sandbox.Timedout"}')
  })

  it('waits for a package that is being unpacked', async () => {
    await start()
    let unpacked!: () => void
    api.catalog.unpacking = new Promise((resolve) => (unpacked = resolve))
    const asked = new Promise<void>((resolve) => (api.catalog.onPrepare = resolve))
    const answer = client().send(new InvokeCommand({ FunctionName: 'echo' }))
    await asked
    await fetch(`${api.endpoint}/nothing`)
    expect(api.engine.invocations).toHaveLength(0)
    unpacked()
    expect((await answer).StatusCode).toBe(200)
  })

  it('answers a throttled call as AWS does', async () => {
    await start()
    api.engine.onInvoke = (_, sink) => sink.onRefused(throttled('ReservedFunctionConcurrentInvocationLimitExceeded'))
    const error = await client()
      .send(new InvokeCommand({ FunctionName: 'echo' }))
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TooManyRequestsException)
    expect(error).toMatchObject({
      message: 'Rate Exceeded.',
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
      Type: 'User',
      retryAfterSeconds: '1',
    })
  })

  it('queues an Event before it answers 202', async () => {
    let kept!: () => void
    let arrived!: (event: unknown) => void
    const enqueued = new Promise<unknown>((resolve) => (arrived = resolve))
    await start({
      events: { enqueue: (event) => (arrived(event), new Promise<void>((resolve) => (kept = resolve))) },
    })
    let answered = false
    const command = new InvokeCommand({ FunctionName: 'echo', InvocationType: 'Event', Payload: '[1]', Qualifier: '3' })
    const answer = client().send(command)
    void answer.then(() => (answered = true))
    const event = await enqueued
    await fetch(`${api.endpoint}/nothing`)
    expect(answered).toBe(false)
    kept()
    expect(await answer).toMatchObject({ StatusCode: 202 })
    expect(event).toMatchObject({ functionName: 'echo', qualifier: '3', payload: Buffer.from('[1]') })
    expect(api.engine.invocations).toHaveLength(0)
  })

  it('queues what InvokeAsync brings', async () => {
    await start()
    const body = '{"a":1}'
    const answer = await fetch(`${api.endpoint}/2014-11-13/functions/echo/invoke-async/`, { method: 'POST', body })
    expect([answer.status, await answer.json()]).toEqual([202, { Status: 202 }])
    expect(api.queued).toMatchObject([{ functionName: 'echo', qualifier: undefined, payload: Buffer.from(body) }])
  })

  it('starts nothing for DryRun', async () => {
    await start()
    const answer = await client().send(new InvokeCommand({ FunctionName: 'echo', InvocationType: 'DryRun' }))
    expect(answer.StatusCode).toBe(204)
    expect(api.engine.invocations).toHaveLength(0)
  })

  it.each<[string, string, RequestInit, number, string, object]>([
    [
      'a function that is not there',
      '/2015-03-31/functions/nobody/invocations',
      {},
      404,
      'ResourceNotFoundException',
      { Type: 'User', Message: 'Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody:$LATEST' },
    ],
    [
      'a body that is no JSON',
      '/2015-03-31/functions/echo/invocations',
      { body: '{"a":' },
      400,
      'InvalidRequestContentException',
      { Type: 'User', message: expect.stringMatching(/^Could not parse request body into json: /) as string },
    ],
    [
      'a body that is no UTF-8',
      '/2015-03-31/functions/echo/invocations',
      { body: Buffer.from([0x22, 0xff, 0x22]) },
      400,
      'InvalidRequestContentException',
      { Type: 'User', message: 'Could not parse request body into json: Invalid UTF-8' },
    ],
    [
      'another invocation type',
      '/2015-03-31/functions/echo/invocations',
      { headers: { 'x-amz-invocation-type': 'Later' } },
      400,
      'ValidationException',
      { message: expect.stringContaining("Value 'Later' at 'invocationType'") as string },
    ],
    [
      'a client context that is no JSON',
      '/2015-03-31/functions/echo/invocations',
      { headers: { 'x-amz-client-context': 'e30x' } },
      400,
      'InvalidRequestContentException',
      { Type: 'User', message: 'Client context must be a valid Base64-encoded JSON object.' },
    ],
    [
      '6 MB and a byte',
      '/2015-03-31/functions/echo/invocations',
      { body: '"'.padEnd(6_291_456, 'a') + '"' },
      413,
      'RequestTooLargeException',
      { Type: 'User', message: 'Request must be smaller than 6291456 bytes for the InvokeFunction operation' },
    ],
    [
      'an Event above 1 MB',
      '/2015-03-31/functions/echo/invocations',
      { body: '"'.padEnd(1_048_576, 'a') + '"', headers: { 'x-amz-invocation-type': 'Event' } },
      413,
      'RequestTooLargeException',
      {
        Type: 'User',
        message: '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)',
      },
    ],
    [
      'a name that is encoded badly',
      '/2015-03-31/functions/e%zz/invocations',
      {},
      400,
      'InvalidParameterValueException',
      { Type: 'User', message: expect.stringContaining('e%zz') as string },
    ],
    [
      'another method',
      '/2015-03-31/functions/echo/invocations',
      { method: 'GET' },
      404,
      'UnknownOperationException',
      { message: 'No operation is GET /2015-03-31/functions/echo/invocations' },
    ],
  ])('refuses %s', async (_, path, init, status, code, body) => {
    await start()
    const answer = await fetch(api.endpoint + path, { method: 'POST', ...init })
    expect([answer.status, answer.headers.get('x-amzn-errortype')]).toEqual([status, code])
    expect(await answer.json()).toEqual(body)
    expect(answer.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/)
    expect(api.engine.invocations).toHaveLength(0)
  })

  it('takes 6 MB to the byte', async () => {
    await start()
    const body = '"'.padEnd(6_291_455, 'a') + '"'
    const answer = await fetch(invokeUrl(), { method: 'POST', body })
    expect(await answer.text()).toBe(body)
  })

  it('lets a function run on whose caller has gone', async () => {
    await start()
    let sink!: InvocationSink
    const invoked = new Promise<void>((resolve) => {
      api.engine.onInvoke = (_, given) => {
        sink = given
        resolve()
      }
    })
    const socket = connect(Number(new URL(api.endpoint).port), '127.0.0.1')
    socket.write(
      'POST /2015-03-31/functions/echo/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}',
    )
    await invoked
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.destroy()
    await closed
    await fetch(`${api.endpoint}/nothing`)
    sink.onResult(result())
    expect((await fetch(`${api.endpoint}/nothing`)).status).toBe(404)
  })
})

describe('InvokeWithResponseStream', () => {
  const stream = async (): Promise<{ chunks: string[]; complete: unknown; answer: object }> => {
    const answer = await client().send(new InvokeWithResponseStreamCommand({ FunctionName: 'echo', LogType: 'Tail' }))
    const chunks: string[] = []
    let complete: unknown
    for await (const event of answer.EventStream ?? []) {
      if (event.PayloadChunk !== undefined) chunks.push(text(event.PayloadChunk.Payload))
      if (event.InvokeComplete !== undefined) complete = event.InvokeComplete
    }
    return { chunks, complete, answer }
  }

  it('passes pieces on as they come', async () => {
    await start()
    api.engine.onInvoke = (_, sink) => {
      sink.streaming?.onStart('text/plain')
      sink.streaming?.onChunk(Buffer.from('one'))
      sink.streaming?.onChunk(Buffer.from('two'))
      sink.onResult(result({ payload: Buffer.alloc(0), logTail: Buffer.from('log') }))
    }
    const { chunks, complete, answer } = await stream()
    expect(chunks.join('|')).toBe('one|two')
    expect(complete).toEqual({ LogResult: Buffer.from('log').toString('base64') })
    expect(answer).toMatchObject({
      ExecutedVersion: '$LATEST',
      ResponseStreamContentType: 'application/vnd.amazon.eventstream',
    })
  })

  it('cuts a buffered answer into frames', async () => {
    await start()
    const payload = Buffer.alloc(3_000_000, 'x')
    api.engine.onInvoke = (_, sink) => sink.onResult(result({ payload }))
    const { chunks, complete } = await stream()
    expect(chunks.map(({ length }) => length)).toEqual([1_048_576, 1_048_576, 902_848])
    expect(complete).toEqual({})
  })

  it('tells of an error at the end', async () => {
    await start()
    api.engine.onInvoke = (_, sink) => {
      sink.streaming?.onStart(undefined)
      sink.streaming?.onChunk(Buffer.from('half'))
      const payload = Buffer.from('{"errorType":"Boom"}')
      sink.onResult(result({ payload, functionError: 'Unhandled', errorType: 'Function.Unknown' }))
    }
    const { chunks, complete } = await stream()
    expect(chunks).toEqual(['half'])
    expect(complete).toEqual({ ErrorCode: 'Function.Unknown', ErrorDetails: '{"errorType":"Boom"}' })
  })

  it('answers a throttled call as any other', async () => {
    await start()
    api.engine.onInvoke = (_, sink) => sink.onRefused(throttled('ConcurrentInvocationLimitExceeded'))
    await expect(stream()).rejects.toMatchObject({ name: 'TooManyRequestsException' })
  })

  it('stops the function while the client reads nothing, and lets it go on', async () => {
    await start()
    // More than the buffers of loopback take.
    const chunk = Buffer.alloc(32_000_000)
    let sent!: (more: boolean | undefined) => void
    const more = new Promise<boolean | undefined>((resolve) => (sent = resolve))
    api.engine.onInvoke = (_, sink) => {
      sink.streaming?.onStart(undefined)
      sent(sink.streaming?.onChunk(chunk))
    }
    const socket = connect(Number(new URL(api.endpoint).port), '127.0.0.1')
    socket.pause()
    socket.write(
      'POST /2021-11-15/functions/echo/response-streaming-invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n',
    )
    expect(await more).toBe(false)
    await fetch(`${api.endpoint}/nothing`)
    expect(api.engine.resumed).toBe(0)
    const resumed = new Promise<void>((resolve) => (api.engine.onResume = resolve))
    socket.resume()
    await resumed
    const lost = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.destroy()
    await lost
  })
})

describe('operations', () => {
  const create = (handle: ControlApiOptions['operations'][number]['handle'], maxBodyBytes = 1_000) =>
    start({
      operations: [
        { name: 'CreateFunction', method: 'POST', path: '/2015-03-31/functions', maxBodyBytes, handle },
        { name: 'GetFunction', method: 'GET', path: '/2015-03-31/functions/{FunctionName}', handle },
      ],
    })
  const command = new CreateFunctionCommand({ FunctionName: 'a', Role: 'r', Code: { ZipFile: Buffer.alloc(10) } })

  it('are given the request and answer JSON', async () => {
    await create(({ labels, query, origin }) => ({
      status: 200,
      body: { Configuration: { FunctionName: `${labels['FunctionName']} ${query.get('Qualifier')} ${origin}` } },
    }))
    const answer = await client().send(new GetFunctionCommand({ FunctionName: 'a:b', Qualifier: 'c' }))
    expect(answer.Configuration?.FunctionName).toBe(`a:b c ${api.endpoint}`)
  })

  it('are refused by AWS names and shapes, whether they throw or reject', async () => {
    await create(() => {
      throw conflict('Function already exist: a')
    })
    await expect(client().send(command)).rejects.toMatchObject({
      name: 'ResourceConflictException',
      message: 'Function already exist: a',
      Type: 'User',
    })
    api.close()
    await create(async () => {
      throw conflict('Function already exist: b')
    })
    await expect(client().send(command)).rejects.toMatchObject({ message: 'Function already exist: b' })
  })

  it('hide what nobody expected', async () => {
    await create(() => {
      throw new TypeError('secret')
    })
    await expect(client().send(command)).rejects.toMatchObject({
      name: 'ServiceException',
      message: 'An error occurred and the request cannot be processed.',
    })
    expect(api.failures).toMatchObject([{ message: 'secret' }])
  })

  it('have limits', async () => {
    await create(() => ({ status: 200 }), 50)
    await expect(client().send(command)).rejects.toMatchObject({
      name: 'RequestEntityTooLargeException',
      message: 'Request must be smaller than 50 bytes for the CreateFunction operation',
    })
  })
})

describe('who may call', () => {
  const accessKeys: ControlApiOptions['accessKeys'] = (accessKeyId) =>
    accessKeyId === 'AKIDEXAMPLE' ? { accessKeyId, secretAccessKey: 'right' } : undefined

  it('verifies signatures where keys are set', async () => {
    await start({ accessKeys })
    const command = new InvokeCommand({ FunctionName: 'echo:live', Payload: '{"a b":1}', Qualifier: 'live' })
    api.catalog.functions.set('echo:live', api.catalog.functions.get('echo')!)
    expect(text((await client('right').send(command)).Payload)).toBe('{"a b":1}')
    await expect(client('wrong').send(command)).rejects.toMatchObject({ name: 'InvalidSignatureException' })
    const unsigned = await fetch(invokeUrl(), { method: 'POST' })
    expect([unsigned.status, unsigned.headers.get('x-amzn-errortype')]).toEqual([
      403,
      'MissingAuthenticationTokenException',
    ])
    expect(api.engine.invocations).toHaveLength(1)
  })

  const raw = (head: string): Promise<string> =>
    new Promise((resolve) => {
      let answer = ''
      const socket = connect(Number(new URL(api.endpoint).port), '127.0.0.1')
      socket.setEncoding('latin1')
      socket.on('data', (data: string) => (answer += data))
      socket.on('close', () => resolve(answer))
      socket.write(`${head}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`)
    })
  const POST = 'POST /2015-03-31/functions/echo/invocations HTTP/1.1\r\nHost: '

  it.each([
    ['127.0.0.1:9190', 200],
    ['[::1]:9190', 200],
    ['localhost:9190', 200],
    ['x.lambda.localhost', 200],
    ['sekisho:9190', 200],
    ['functions.internal.example.com', 200],
    ['evil.example.com:9190', 403],
    ['127.0.0.1.evil.example', 403],
  ])('a request for the host %s: %i', async (host, status) => {
    await start({ browser: { allowedHosts: ['functions.internal.example.com'], allowedOrigins: [] } })
    expect(await raw(POST + host)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  it.each([
    ['Origin: https://evil.example', 403],
    ['Origin: null', 403],
    ['Sec-Fetch-Site: cross-site', 403],
    ['Sec-Fetch-Site: same-origin', 403],
    ['Sec-Fetch-Site: none', 200],
    ['Origin: https://app.example', 200],
  ])('a web page with %s: %i', async (line, status) => {
    await start({ browser: { allowedHosts: [], allowedOrigins: ['https://app.example'] } })
    expect(await raw(`${POST}127.0.0.1\r\n${line}`)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(api.engine.invocations).toHaveLength(status === 200 ? 1 : 0)
  })

  it('answers the preflight of a page that may, without a signature, and lets it read the answer', async () => {
    await start({ browser: { allowedHosts: [], allowedOrigins: ['https://app.example'] } })
    const origin = 'https://app.example'
    const preflight = await fetch(invokeUrl(), {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-headers': 'authorization,x-amz-date' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization,x-amz-date')
    const answer = await fetch(invokeUrl(), { method: 'POST', headers: { origin }, body: '{}' })
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
    const refused = await fetch(invokeUrl(), { method: 'POST', headers: { origin: 'https://evil.example' } })
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null])
  })
})
