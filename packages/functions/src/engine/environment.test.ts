import { describe, expect, it } from 'vitest'
import { deployed, FakeEngine } from './testing/fake-engine.ts'

const MIB = 1024 * 1024

describe('an environment', () => {
  it('starts, answers, and says in its log what that cost', () => {
    const fake = new FakeEngine()
    const caller = fake.invoke(deployed())
    const environment = fake.started[0]!
    fake.now += 166.62
    environment.next()
    expect(environment.limited).toBe(true)
    expect(environment.events[0]).toMatchObject({ requestId: caller.requestId, deadlineMs: expect.any(Number) })
    environment.print('hello\nwor')
    environment.print('ld\n')
    environment.peakBytes = 73.5 * MIB
    fake.now += 128.83
    environment.respond('{"a":1}')
    expect(caller.payload).toBe('{"a":1}')
    expect(caller.result).toMatchObject({
      contentType: 'application/json',
      functionError: undefined,
      errorType: undefined,
    })
    expect(caller.result!.logTail).toBeUndefined()
    environment.next()
    const id = caller.requestId
    expect(fake.lines).toEqual([
      expect.stringMatching(
        /^INIT_START Runtime Version: provided:al2023\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}$/,
      ),
      `START RequestId: ${id} Version: $LATEST`,
      'hello',
      'world',
      `END RequestId: ${id}`,
      `REPORT RequestId: ${id}\tDuration: 128.83 ms\tBilled Duration: 296 ms\tMemory Size: 128 MB\tMax Memory Used: 74 MB\tInit Duration: 166.62 ms\t`,
    ])
    expect(fake.log[0]!.stream).toMatch(/^2026\/11\/21\/\[\$LATEST\][0-9a-f]{32}$/)
    expect(fake.log[0]!.stream).toContain(environment.spec.id)
  })

  it('runs the next invocation without an init', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const caller = fake.invoke(deployed())
    expect(fake.started).toHaveLength(1)
    fake.now += 2
    environment.finish()
    expect(caller.result!.figures).toMatchObject({ durationMs: 2, billedMs: 2, initMs: undefined })
    expect(fake.lines.at(-1)).not.toContain('Init Duration')
  })

  it('is frozen a moment after its last invocation, and thawed for the next one', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    fake.pass(19)
    expect(environment.frozen).toBe(false)
    // On the heels of the first: no thaw, no freeze.
    fake.invoke(deployed())
    environment.finish()
    fake.pass(19)
    expect(environment.freezes).toBe(0)
    fake.pass(1)
    expect(environment.frozen).toBe(true)
    const caller = fake.invoke(deployed())
    expect(environment).toMatchObject({ frozen: false, thaws: 1 })
    environment.finish()
    expect(caller.told).toBe(1)
  })

  it('costs no look at the clock while it is frozen', () => {
    const fake = new FakeEngine()
    fake.warm(deployed())
    expect(fake.timed).toBe(2)
    fake.pass(20)
    // Only the pool's own, once a second.
    expect(fake.timed).toBe(1)
  })

  it('hands over deadline, ARN, trace and context', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    fake.invoke(deployed(), {
      invokedArn: 'arn:x:live',
      traceId: 'Root=1-2-3',
      clientContext: '{}',
      cognitoIdentity: '{"a":1}',
      tenantId: 't',
      payload: Buffer.from('[1]'),
    })
    expect(environment.events.at(-1)).toEqual({
      requestId: expect.any(String),
      payload: Buffer.from('[1]'),
      deadlineMs: Date.UTC(2026, 10, 21, 12) + 1000 + 3000,
      invokedArn: 'arn:x:live',
      traceId: 'Root=1-2-3',
      clientContext: '{}',
      cognitoIdentity: '{"a":1}',
      tenantId: 't',
    })
  })

  it('passes on what the function says of its error', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const caller = fake.invoke(deployed())
    environment.fail('Function.Broken', '{"errorMessage":"no","errorType":"Broken"}')
    environment.next()
    expect(caller.result).toMatchObject({ functionError: 'Unhandled', errorType: 'Function.Broken' })
    expect(caller.payload).toBe('{"errorMessage":"no","errorType":"Broken"}')
    expect(fake.lines.at(-1)).toMatch(/Max Memory Used: 10 MB\t$/)
    expect(fake.invoke(deployed()).told).toBe(0)
    expect(fake.started).toHaveLength(1)
  })

  it('is killed when an invocation takes too long', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const caller = fake.invoke(deployed())
    fake.pass(2999)
    expect(caller.told).toBe(0)
    fake.pass(11)
    expect(environment).toMatchObject({ killed: true, terminated: false })
    expect(caller.payload).toBe(
      `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ${caller.requestId} Error: Task timed out after 3.00 seconds"}`,
    )
    expect(caller.result).toMatchObject({ functionError: 'Unhandled', errorType: 'Sandbox.Timedout' })
    expect(fake.lines.slice(-3)).toEqual([
      `2026-11-21T12:00:04.010Z ${caller.requestId} Task timed out after 3.00 seconds`,
      `END RequestId: ${caller.requestId}`,
      `REPORT RequestId: ${caller.requestId}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 10 MB\tStatus: timeout`,
    ])
    // What comes too late is nobody's.
    environment.respond()
    fake.reap()
    expect(caller.told).toBe(1)
    expect(fake.engine.environments).toBe(0)
    expect(fake.timed).toBe(0)
  })

  it.each([
    [{ status: 0 }, 'Runtime exited without providing a reason', 'Runtime.ExitError'],
    [{ status: 127 }, 'Runtime exited with error: exit status 127', 'Runtime.ExitError'],
    [
      { status: undefined, signal: 'SIGSEGV' as const },
      'Runtime exited with error: signal: segmentation fault',
      'Runtime.ExitError',
    ],
    [
      { status: undefined, signal: 'SIGKILL' as const, outOfMemory: true },
      'Runtime exited with error: signal: killed',
      'Runtime.OutOfMemory',
    ],
  ])('tells how a runtime ended: %o', (exit, message, inReport) => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const caller = fake.invoke(deployed())
    environment.exit(exit)
    const id = caller.requestId
    expect(caller.payload).toBe(`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ${id} Error: ${message}"}`)
    expect(caller.result!.errorType).toBe('Runtime.ExitError')
    const [problem, end, report] = fake.lines.slice(-3)
    expect(problem).toBe(`RequestId: ${id} Error: ${message}\nRuntime.ExitError`)
    expect(end).toBe(`END RequestId: ${id}`)
    expect(report).toMatch(new RegExp(`MB\\tStatus: error\\tError Type: ${inReport}$`))
    expect(report).toContain(inReport === 'Runtime.OutOfMemory' ? 'Max Memory Used: 128 MB' : 'Max Memory Used: 10 MB')
    expect(fake.engine.environments).toBe(0)
    // The next one gets another.
    fake.invoke(deployed())
    expect(fake.started).toHaveLength(2)
  })

  it('keeps an answer that was given before the runtime ended', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const [plain, tail] = [fake.invoke(deployed()), undefined]
    environment.respond('"done"')
    environment.exit({ status: 1 })
    expect(plain).toMatchObject({ payload: '"done"', told: 1 })
    expect(fake.lines.at(-1)).toContain('Status: error\tError Type: Runtime.ExitError')
    expect(tail).toBeUndefined()

    const second = fake.warm(deployed())
    const withTail = fake.invoke(deployed(), { tail: true })
    second.respond('"done"')
    expect(withTail.told).toBe(0)
    second.exit({ status: 1 })
    expect(withTail).toMatchObject({ payload: '"done"', told: 1 })
    expect(withTail.result!.functionError).toBeUndefined()
  })

  it('ends when the runtime does not ask for more in time, although the caller has its answer', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const caller = fake.invoke(deployed())
    environment.respond('"done"')
    fake.pass(3010)
    expect(caller).toMatchObject({ payload: '"done"', told: 1 })
    expect(environment.killed).toBe(true)
    expect(fake.lines.at(-1)).toContain('Status: timeout')
  })

  it('gives the last 4 KB of the log, REPORT included', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const short = fake.invoke(deployed(), { tail: true })
    environment.print('mine\n')
    environment.finish()
    const id = short.requestId
    expect(short.result!.logTail!.toString()).toBe(
      `START RequestId: ${id} Version: $LATEST\nmine\nEND RequestId: ${id}\n` +
        `REPORT RequestId: ${id}\tDuration: 0.00 ms\tBilled Duration: 0 ms\tMemory Size: 128 MB\tMax Memory Used: 10 MB\t\n`,
    )
    environment.print('between\n')
    const long = fake.invoke(deployed(), { tail: true })
    environment.print(`${'x'.repeat(5000)}\nnearly the end\n`)
    environment.finish()
    const tail = long.result!.logTail!.toString()
    expect(tail).toHaveLength(4096)
    expect(tail).toMatch(/^x+\nnearly the end\nEND RequestId: .*\nREPORT RequestId: .*\t\n$/)
  })

  it('is there again for a caller who calls as soon as it has its answer', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    for (const tail of [true, false]) {
      const caller = fake.invoke(deployed(), { tail })
      let again: unknown
      caller.whenTold = () => (again = fake.invoke(deployed()))
      environment.finish()
      environment.finish()
      expect(again).toMatchObject({ told: 1 })
    }
    expect(fake.started).toHaveLength(1)
  })

  it('ends when it cannot be frozen, or cannot be thawed', async () => {
    const fake = new FakeEngine()
    const first = fake.warm(deployed())
    first.freeze = () => {
      throw new Error('EIO')
    }
    fake.pass(20)
    expect(first.killed).toBe(true)
    const second = fake.warm(deployed())
    fake.pass(20)
    second.thaw = () => {
      throw new Error('EIO')
    }
    const caller = fake.invoke(deployed())
    expect(caller.told).toBe(0)
    await Promise.resolve()
    expect(caller.result!.errorType).toBe('Sandbox.Failure')
    expect(second.killed).toBe(true)
    expect(fake.problems).toHaveLength(2)
    fake.reap()
    expect(fake.timed).toBe(0)
  })

  it('says that a response is too large', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const caller = fake.invoke(deployed())
    environment.tooLarge(7_000_000)
    environment.next()
    expect(caller.payload).toBe(
      '{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}',
    )
    fake.invoke(deployed())
    environment.finish()
    expect(fake.started).toHaveLength(1)
  })
})

describe('streaming', () => {
  it('hands on pieces, stops and goes on with the caller', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const caller = fake.invoke(deployed(), { streaming: true })
    environment.startPieces('text/plain')
    expect(caller.started).toBe('text/plain')
    expect(environment.piece(Buffer.from('a'))).toBe(true)
    caller.full = true
    expect(environment.piece(Buffer.from('b'))).toBe(false)
    caller.running.resume()
    expect(environment.resumed).toBe(1)
    environment.endPieces()
    expect(caller.chunks).toEqual(['a', 'b'])
    expect(caller.payload).toBe('')
    environment.next()
    // Too late: it is another's environment now.
    fake.invoke(deployed())
    caller.running.resume()
    expect(environment.resumed).toBe(1)
  })

  it('collects pieces for a caller who does not stream', () => {
    const fake = new FakeEngine({ maxResponseBytes: 10 })
    const environment = fake.warm(deployed())
    const caller = fake.invoke(deployed())
    environment.startPieces('text/plain')
    environment.piece(Buffer.from('hello'))
    environment.piece(Buffer.from('world'))
    environment.endPieces()
    expect(caller).toMatchObject({ payload: 'helloworld', result: { contentType: 'text/plain' } })

    environment.next()
    const second = fake.invoke(deployed())
    environment.startPieces(undefined)
    expect(environment.piece(Buffer.alloc(11))).toBe(true)
    environment.piece(Buffer.alloc(11))
    environment.endPieces()
    expect(second.result!.errorType).toBe('Function.ResponseSizeTooLarge')
  })

  it('gives the error that broke a stream', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const caller = fake.invoke(deployed(), { streaming: true })
    environment.startPieces(undefined)
    environment.piece(Buffer.from('a'))
    environment.endPieces({ type: 'Function.Oops', body: Buffer.from('{"errorType":"Oops"}') })
    expect(caller).toMatchObject({ payload: '{"errorType":"Oops"}', result: { functionError: 'Unhandled' } })
  })

  it('drops pieces of a caller who has gone, and lets the function run on', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    const caller = fake.invoke(deployed(), { streaming: true })
    environment.startPieces(undefined)
    caller.full = true
    expect(environment.piece(Buffer.from('a'))).toBe(false)
    caller.running.abandon()
    expect(environment.resumed).toBe(1)
    expect(environment.piece(Buffer.from('b'))).toBe(true)
    environment.endPieces()
    expect(caller.chunks).toEqual(['a'])
    expect(caller.told).toBe(1)
    environment.next()
    expect(environment.killed).toBe(false)
  })
})

describe('init', () => {
  it('that takes too long is done over inside the invocation, on its time', () => {
    const fake = new FakeEngine()
    const caller = fake.invoke(deployed({ timeoutMs: 15_000 }))
    fake.pass(10_000)
    expect(fake.started[0]!.killed).toBe(true)
    expect(fake.lines.at(-2)).toBe('INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout')
    expect(fake.lines.at(-1)).toBe(`START RequestId: ${caller.requestId} Version: $LATEST`)
    const second = fake.started[1]!
    fake.now += 12_000
    second.next()
    expect(fake.lines.at(-1)).toBe('INIT_REPORT Init Duration: 12000.00 ms\tPhase: invoke')
    expect(second.events[0]!.deadlineMs).toBe(Date.UTC(2026, 10, 21, 12) + 1000 + 25_000)
    fake.now += 1000
    second.finish('"late"')
    expect(caller.payload).toBe('"late"')
    // AWS: the init that was suppressed is part of the duration.
    expect(caller.result!.figures).toMatchObject({ durationMs: 13_000, billedMs: 13_000, initMs: undefined })
    fake.reap()
    expect(fake.engine.environments).toBe(1)
  })

  it('that takes too long twice is a timeout', () => {
    const fake = new FakeEngine()
    const caller = fake.invoke(deployed())
    fake.pass(10_000)
    fake.pass(3000)
    expect(fake.started.map((environment) => environment.killed)).toEqual([true, true])
    expect(caller.result!.errorType).toBe('Sandbox.Timedout')
    expect(fake.lines).toContain('INIT_REPORT Init Duration: 3000.00 ms\tPhase: invoke\tStatus: timeout')
  })

  it('that crashes twice is an exit', () => {
    const fake = new FakeEngine()
    const caller = fake.invoke(deployed())
    fake.now += 1236.04
    fake.started[0]!.exit({ status: 127 })
    expect(fake.lines[1]).toBe(
      'INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError',
    )
    fake.started[1]!.exit({ status: 127 })
    expect(caller.payload).toBe(
      `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ${caller.requestId} Error: Runtime exited with error: exit status 127"}`,
    )
    expect(caller.told).toBe(1)
    expect(fake.engine.environments).toBe(0)
    expect(fake.timed).toBe(0)
  })

  it('that says what is wrong is heard', () => {
    const fake = new FakeEngine()
    const caller = fake.invoke(deployed())
    const words = { type: 'Runtime.ImportModuleError', body: Buffer.from('{"errorType":"Runtime.ImportModuleError"}') }
    fake.started[0]!.listener.onInitError(words)
    fake.started[0]!.exit({ status: 1 })
    const second = fake.started[1]!
    second.listener.onInitError(words)
    // This one does not end by itself.
    fake.pass(200)
    expect(second.killed).toBe(true)
    expect(caller).toMatchObject({ payload: '{"errorType":"Runtime.ImportModuleError"}', told: 1 })
    expect(fake.lines.at(-1)).toContain('Status: error\tError Type: Runtime.ImportModuleError')
  })

  it('that cannot be is an invalid entry point', () => {
    const fake = new FakeEngine()
    const caller = fake.invoke(deployed())
    fake.started[0]!.exit({ status: undefined, failure: 'bootstrap: EACCES' })
    fake.started[1]!.exit({ status: undefined, failure: 'bootstrap: EACCES' })
    expect(caller.payload).toBe(
      `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ${caller.requestId} Error: bootstrap: EACCES"}`,
    )
  })

  it('is not tried where the plan says that there is nothing to start', async () => {
    const fake = new FakeEngine({}, () => ({ errorType: 'Runtime.InvalidEntrypoint', message: "Couldn't find it" }))
    const caller = fake.invoke(deployed(), { tail: true })
    expect(caller.told).toBe(0)
    await Promise.resolve()
    const id = caller.requestId
    expect(caller.payload).toBe(
      `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ${id} Error: Couldn't find it"}`,
    )
    expect(fake.lines).toEqual([
      `START RequestId: ${id} Version: $LATEST`,
      `RequestId: ${id} Error: Couldn't find it\nRuntime.InvalidEntrypoint`,
      `END RequestId: ${id}`,
      `REPORT RequestId: ${id}\tDuration: 0.00 ms\tBilled Duration: 0 ms\tMemory Size: 128 MB\tMax Memory Used: 0 MB\tStatus: error\tError Type: Runtime.InvalidEntrypoint`,
    ])
    expect(fake.engine.environments).toBe(0)
  })

  it('survives a driver that throws', async () => {
    const fake = new FakeEngine()
    fake.refuseToStart = new Error('no more processes')
    const caller = fake.invoke(deployed())
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    expect(caller.payload).toContain('no more processes')
    expect(fake.engine.environments).toBe(0)
    expect(fake.timed).toBe(0)
  })
})

describe('extensions', () => {
  it('are waited for in init and after each invocation', () => {
    const fake = new FakeEngine()
    fake.extensions = ['agent']
    const caller = fake.invoke(deployed())
    const environment = fake.started[0]!
    const { listener } = environment
    environment.next()
    expect(environment.events).toEqual([])
    listener.onExtensionRegistered('agent', ['INVOKE', 'SHUTDOWN'])
    listener.onExtensionNext('agent')
    expect(environment.events).toHaveLength(1)
    environment.respond()
    expect(caller.told).toBe(1)
    environment.next()
    expect(fake.lines.at(-1)).toMatch(/^START/)
    fake.now += 50
    listener.onExtensionNext('agent')
    expect(fake.lines.at(-1)).toContain('Duration: 50.00 ms')
    // One that only wants SHUTDOWN is not waited for again.
    listener.onExtensionRegistered('internal', ['SHUTDOWN'])
    listener.onExtensionNext('internal')
    fake.invoke(deployed())
    environment.respond()
    listener.onExtensionNext('agent')
    environment.next()
    expect(fake.lines.at(-1)).toMatch(/^REPORT/)
  })

  it('have two seconds to end', () => {
    const fake = new FakeEngine({ idleTimeoutMs: 1000 })
    fake.extensions = ['agent']
    fake.invoke(deployed())
    const environment = fake.started[0]!
    environment.listener.onExtensionRegistered('agent', ['SHUTDOWN'])
    environment.listener.onExtensionNext('agent')
    environment.next()
    environment.finish()
    fake.pass(20)
    expect(environment.frozen).toBe(true)
    fake.pass(1000)
    expect(environment).toMatchObject({ frozen: false, killed: false, terminated: false })
    expect(environment.shutdowns).toEqual([
      { reason: 'SPINDOWN', deadlineMs: Date.UTC(2026, 10, 21, 12) + fake.now + 2000 },
    ])
    fake.pass(1990)
    expect(environment.killed).toBe(false)
    fake.pass(10)
    expect(environment.killed).toBe(true)
    fake.reap()
    expect(fake.timed).toBe(0)
  })

  it('inside the runtime get a SIGTERM and half a second', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    environment.listener.onExtensionRegistered('internal', ['INVOKE'])
    environment.listener.onExtensionNext('internal')
    const caller = fake.invoke(deployed())
    fake.pass(3000)
    expect(caller.result!.errorType).toBe('Sandbox.Timedout')
    expect(environment).toMatchObject({ terminated: true, killed: false, shutdowns: [] })
    fake.pass(500)
    expect(environment.killed).toBe(true)
  })

  it('that fail take the environment with them', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(deployed())
    environment.listener.onExtensionRegistered('internal', ['INVOKE'])
    environment.listener.onExtensionNext('internal')
    const caller = fake.invoke(deployed())
    environment.listener.onExtensionFailed('internal', { type: 'Extension.Crash', body: Buffer.from('{}') })
    expect(caller.result!.errorType).toBe('Extension.Crash')
    expect(environment.terminated).toBe(true)
  })
})

describe('the log format JSON', () => {
  it('writes events, and wraps lines that are not JSON', () => {
    const fn = deployed({
      logging: { format: 'JSON', applicationLevel: undefined, systemLevel: undefined, group: 'g' },
    })
    const fake = new FakeEngine()
    const caller = fake.invoke(fn, { traceId: 'Root=1-a;Parent=b;Sampled=1' })
    const environment = fake.started[0]!
    fake.now += 10.123
    environment.next()
    environment.print('plain\n{"level":"WARN"}\n')
    fake.now += 5.5
    environment.finish()
    const events = fake.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    const id = caller.requestId
    expect(events).toEqual([
      {
        time: expect.any(String),
        type: 'platform.initStart',
        record: expect.objectContaining({ phase: 'init', functionName: 'echo', runtimeVersion: 'provided:al2023' }),
      },
      { time: '2026-11-21T12:00:01.010Z', type: 'platform.start', record: { requestId: id, version: '$LATEST' } },
      { timestamp: '2026-11-21T12:00:01.010Z', level: 'INFO', requestId: id, message: 'plain' },
      { level: 'WARN' },
      {
        time: '2026-11-21T12:00:01.015Z',
        type: 'platform.report',
        record: {
          requestId: id,
          metrics: {
            durationMs: 5.5,
            billedDurationMs: 16,
            memorySizeMB: 128,
            maxMemoryUsedMB: 10,
            initDurationMs: 10.12,
          },
          tracing: { spanId: 'b', type: 'X-Amzn-Trace-Id', value: 'Root=1-a;Parent=b;Sampled=1' },
          status: 'success',
        },
      },
    ])
  })
})
