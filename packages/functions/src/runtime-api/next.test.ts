import { describe, expect, it } from 'vitest'
import { eventOf, headerOf, idOf, NEXT, parse, responsePath, RuntimeSide } from './testing/runtime-side.ts'

describe('the next event', () => {
  it('has the headers of the reference, and the bytes of the caller', async () => {
    const side = new RuntimeSide()
    const runtime = side.connect()
    runtime.send('GET', NEXT)
    expect(await runtime.received()).toBe('')
    expect(side.listener.take()).toEqual(['next'])
    side.api.deliver(
      eventOf(1, {
        payload: Buffer.from(' { "ż" : 1 } '),
        deadlineMs: 1_800_000_000_123.9,
        traceId: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1',
        clientContext: '{"client":{}}',
        cognitoIdentity: '{"cognitoIdentityId":"a","cognitoIdentityPoolId":"b"}',
        tenantId: 'blue',
      }),
    )
    expect(await runtime.received()).toBe(
      [
        'HTTP/1.1 200 OK',
        'Content-Type: application/json',
        `Lambda-Runtime-Aws-Request-Id: ${idOf(1)}`,
        'Lambda-Runtime-Deadline-Ms: 1800000000123',
        'Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:fn:live',
        'Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1',
        'Lambda-Runtime-Client-Context: {"client":{}}',
        'Lambda-Runtime-Cognito-Identity: {"cognitoIdentityId":"a","cognitoIdentityPoolId":"b"}',
        'Lambda-Runtime-Aws-Tenant-Id: blue',
        'Content-Length: 14',
        '',
        Buffer.from(' { "ż" : 1 } ').toString('latin1'),
      ].join('\r\n'),
    )
  })

  it('leaves out what is empty', async () => {
    const side = new RuntimeSide()
    const runtime = side.connect()
    runtime.send('GET', NEXT)
    side.api.deliver(eventOf(1, { traceId: '', clientContext: '' }))
    const { head } = parse(await runtime.received())
    expect(head).not.toMatch(/Trace-Id|Client-Context|Cognito|Tenant/)
  })

  it('lets no caller add a header of his own', async () => {
    const side = new RuntimeSide()
    const runtime = side.connect()
    runtime.send('GET', NEXT)
    side.api.deliver(eventOf(1, { clientContext: '{\r\nEvil: "1",\n"ł": "\0"}', traceId: 'a\r\n\r\nb' }))
    const received = parse(await runtime.received())
    expect(headerOf(received, 'Lambda-Runtime-Client-Context')).toBe(
      Buffer.from('{  Evil: "1", "ł": " "}').toString('latin1'),
    )
    expect(headerOf(received, 'Lambda-Runtime-Trace-Id')).toBe('a    b')
    expect(received.body).toBe('{"n":1}')
  })

  it('may be there before it is asked for', async () => {
    const side = new RuntimeSide()
    const runtime = side.connect()
    side.api.deliver(eventOf(1))
    expect((await runtime.ask('GET', NEXT)).body).toBe('{"n":1}')
    expect(side.listener.take()).toEqual(['next'])
  })

  it('may be delivered while its being asked for is told', async () => {
    const side = new RuntimeSide()
    side.listener.onNext = () => side.api.deliver(eventOf(1))
    expect((await side.connect().ask('GET', NEXT)).body).toBe('{"n":1}')
  })

  it('comes again to a runtime that lost it', async () => {
    const side = new RuntimeSide()
    const runtime = side.connect()
    runtime.send('GET', NEXT)
    side.api.deliver(eventOf(1))
    const first = await runtime.received()
    runtime.socket.destroy()
    const second = side.connect()
    second.send('GET', NEXT)
    expect(await second.received()).toBe(first)
    expect(side.listener.take()).toEqual(['next'])
  })

  it('does not go to a connection that closed while it waited', async () => {
    const side = new RuntimeSide()
    const gone = side.connect()
    gone.send('GET', NEXT)
    gone.socket.destroy()
    await gone.received()
    side.api.deliver(eventOf(1))
    expect((await side.connect().ask('GET', NEXT)).body).toBe('{"n":1}')
    expect(side.listener.take()).toEqual(['next'])
  })

  it('goes to one of those that wait: the last', async () => {
    const side = new RuntimeSide()
    const [first, second] = [side.connect(), side.connect()]
    first.send('GET', NEXT)
    second.send('GET', NEXT)
    side.api.deliver(eventOf(1))
    expect(parse(await second.received()).body).toBe('{"n":1}')
    expect(await first.received()).toBe('')
    expect(side.listener.take()).toEqual(['next'])
  })

  it('is one at a time', () => {
    const side = new RuntimeSide()
    side.api.deliver(eventOf(1))
    expect(() => side.api.deliver(eventOf(2))).toThrow('1 event(s)')
  })

  it('is of any size', async () => {
    const side = new RuntimeSide()
    const payload = Buffer.alloc(6_291_456, 'ab')
    side.api.deliver(eventOf(1, { payload }))
    const received = await side.connect().ask('GET', NEXT)
    expect(headerOf(received, 'Content-Length')).toBe('6291456')
    expect(received.body).toBe(payload.toString('latin1'))
  })
})

describe('several events at a time', () => {
  it('go to as many as wait, and are answered in any order', async () => {
    const side = new RuntimeSide({ maxConcurrency: 3 })
    const callers = [side.connect(), side.connect(), side.connect()]
    for (const caller of callers) caller.send('GET', NEXT)
    expect(side.listener.take()).toEqual(['next', 'next', 'next'])
    for (const n of [1, 2, 3]) side.api.deliver(eventOf(n))
    expect(() => side.api.deliver(eventOf(4))).toThrow('3 event(s)')
    const bodies = await Promise.all(callers.map(async (caller) => parse(await caller.received()).body))
    expect(bodies.toSorted()).toEqual(['{"n":1}', '{"n":2}', '{"n":3}'])
    expect(await callers[0]!.outcome('POST', responsePath(2), 'two')).toBe('202')
    expect(await callers[0]!.outcome('POST', responsePath(2), 'two')).toBe('400 InvalidRequestID')
    expect(await callers[1]!.outcome('POST', responsePath(3), 'three')).toBe('202')
    expect(await callers[1]!.outcome('GET', NEXT)).toBe('waits')
    side.api.deliver(eventOf(5))
    expect(parse(await callers[1]!.received()).body).toBe('{"n":5}')
    expect(side.listener.take()).toEqual([`response ${idOf(2)} - two`, `response ${idOf(3)} - three`, 'next'])
  })
})
