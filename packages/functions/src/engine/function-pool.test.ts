import { describe, expect, it } from 'vitest'
import { deployed, FakeEngine } from './testing/fake-engine.ts'

const fn = deployed()

describe('a pool', () => {
  it('runs calls at a time in environments of their own, and the last used first', () => {
    const fake = new FakeEngine()
    const callers = [fake.invoke(fn), fake.invoke(fn), fake.invoke(fn)]
    expect(fake.started).toHaveLength(3)
    for (const environment of fake.started) environment.next()
    const [first, second, third] = fake.started as [
      (typeof fake.started)[0],
      (typeof fake.started)[0],
      (typeof fake.started)[0],
    ]
    first.finish()
    third.finish()
    second.finish()
    expect(callers.map((caller) => caller.told)).toEqual([1, 1, 1])
    fake.invoke(fn)
    expect(second.current).toBeDefined()
    fake.invoke(fn)
    expect(third.current).toBeDefined()
    expect(fake.started).toHaveLength(3)
  })

  it('gives a call the environment that becomes free before its own is there', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(fn)
    fake.invoke(fn)
    const caller = fake.invoke(fn)
    expect(fake.started).toHaveLength(2)
    environment.finish()
    expect(environment.current?.requestId).toBe(caller.requestId)
    environment.finish()
    expect(caller.result!.figures.initMs).toBeUndefined()
    // The one that was started for it stays warm.
    fake.started[1]!.next()
    expect(fake.started[1]!.events).toEqual([])
    expect(fake.engine.environments).toBe(2)
  })

  it('does not start another for a call that comes between answer and next', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(fn)
    fake.invoke(fn)
    environment.respond()
    const caller = fake.invoke(fn)
    expect(fake.started).toHaveLength(1)
    environment.next()
    expect(environment.current?.requestId).toBe(caller.requestId)
  })

  it('starts another when that takes too long', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(fn)
    fake.invoke(fn)
    environment.respond()
    const caller = fake.invoke(fn)
    fake.pass(49)
    expect(fake.started).toHaveLength(1)
    fake.pass(1)
    expect(fake.started).toHaveLength(2)
    fake.started[1]!.next()
    expect(fake.started[1]!.current?.requestId).toBe(caller.requestId)
  })

  it('does not outgrow reserved concurrency by that', () => {
    const fake = new FakeEngine()
    fake.engine.reserve('echo', 1)
    const environment = fake.warm(fn)
    fake.invoke(fn)
    environment.respond()
    const caller = fake.invoke(fn)
    fake.pass(50)
    fake.pass(50)
    expect(fake.started).toHaveLength(1)
    environment.next()
    environment.finish()
    expect(caller.told).toBe(1)
    fake.pass(50)
    expect(fake.timed).toBe(1)
  })

  it('starts another when the one that was nearly free ends', () => {
    const fake = new FakeEngine()
    const environment = fake.warm(fn)
    fake.invoke(fn)
    environment.respond()
    const caller = fake.invoke(fn)
    environment.exit({ status: 1 })
    fake.started[1]!.next()
    fake.started[1]!.finish()
    expect(caller.told).toBe(1)
  })

  it('goes back to nothing after a time without calls, the longest idle first', () => {
    const fake = new FakeEngine({ idleTimeoutMs: 60_000 })
    fake.invoke(fn)
    fake.invoke(fn)
    for (const environment of fake.started) environment.next()
    fake.started[0]!.finish()
    fake.pass(30_000)
    fake.started[1]!.listener.onRuntimeNext()
    fake.started[1]!.finish()
    fake.pass(30_000)
    expect(fake.started.map((environment) => environment.killed)).toEqual([true, true])
    fake.reap()
    expect(fake.engine.environments).toBe(0)
    expect(fake.timed).toBe(0)
  })

  it('makes room by ending what has been idle for longest, of any function', () => {
    const fake = new FakeEngine({ maxEnvironments: 2 })
    const [a, b, c] = [deployed({ name: 'a' }), deployed({ name: 'b' }), deployed({ name: 'c' })]
    const first = fake.warm(a)
    fake.now += 1
    const second = fake.warm(b)
    fake.now += 1
    fake.warm(c)
    expect([first.killed, second.killed]).toEqual([true, false])
    fake.invoke(b)
    fake.invoke(c)
    const refused = fake.invoke(a)
    expect(refused.refused).toMatchObject({
      code: 'TooManyRequestsException',
      members: { Reason: 'ConcurrentInvocationLimitExceeded' },
    })
    expect(second.killed).toBe(false)
  })

  it('counts memory: what busy ones may take and what frozen ones hold', () => {
    const fake = new FakeEngine({ maxMemoryMb: 256 })
    const [a, b] = [deployed({ name: 'a' }), deployed({ name: 'b', memoryMb: 240 })]
    const first = fake.warm(a)
    fake.pass(20)
    expect(first.frozen).toBe(true)
    // 10 MB are held by the frozen one.
    const second = fake.warm(b)
    expect(first.killed).toBe(false)
    fake.pass(20)
    const call = fake.invoke(a)
    expect(first.current).toBeDefined()
    first.finish()
    expect(call.told).toBe(1)
    fake.invoke(a)
    fake.invoke(b)
    expect([first.killed, second.killed]).toEqual([false, false])
  })

  it('runs a function that is larger than all there is, alone', () => {
    const fake = new FakeEngine({ maxMemoryMb: 64 })
    expect(fake.warm(fn).events).toHaveLength(1)
    expect(fake.invoke(deployed({ name: 'other' })).refused).toBeUndefined()
    expect(fake.started[0]!.killed).toBe(true)
  })

  it('limits bursts if asked to', () => {
    const fake = new FakeEngine({ burst: { environments: 1, perMs: 10_000 } })
    fake.invoke(fn)
    expect(fake.invoke(fn).refused!.code).toBe('TooManyRequestsException')
    fake.pass(10_000)
    expect(fake.invoke(fn).refused).toBeUndefined()
  })
})

describe('another revision', () => {
  it('ends idle environments at once and busy ones when they are done', () => {
    const fake = new FakeEngine()
    const idle = fake.warm(fn)
    const busy = fake.invoke(fn)
    fake.invoke(fn)
    fake.started[1]!.next()
    idle.finish()
    const other = deployed({ revisionId: 'r2' })
    fake.engine.retire('echo', '$LATEST', 'r2')
    expect(idle.killed).toBe(true)
    expect(fake.started[1]!.killed).toBe(false)
    expect(busy.told).toBe(1)
    fake.invoke(other)
    expect(fake.started).toHaveLength(3)
    fake.started[1]!.finish()
    expect(fake.started[1]!.killed).toBe(true)
    fake.reap()
    fake.started[2]!.next()
    fake.engine.retire('echo', '$LATEST', 'r2')
    expect(fake.started[2]!.killed).toBe(false)
  })

  it('lets calls that were resolved before it finish', () => {
    const fake = new FakeEngine()
    const caller = fake.invoke(fn)
    fake.engine.retire('echo', '$LATEST', 'r2')
    fake.started[0]!.next()
    fake.started[0]!.finish()
    expect(caller.told).toBe(1)
    expect(fake.started[0]!.killed).toBe(true)
  })

  it('and a deleted function leave nothing', () => {
    const fake = new FakeEngine()
    fake.warm(fn)
    fake.engine.retire('echo', '$LATEST', undefined)
    fake.reap()
    expect(fake.engine.state()).toEqual([])
    expect(fake.engine.metrics()).toBe('')
    expect(fake.timed).toBe(0)
  })
})

describe('concurrency', () => {
  const reason = (fake: FakeEngine, of = fn) => fake.invoke(of).refused?.members['Reason']

  it('has a limit for the account', () => {
    const fake = new FakeEngine({ concurrency: 2 })
    fake.invoke(fn)
    fake.invoke(fn)
    expect(reason(fake)).toBe('ConcurrentInvocationLimitExceeded')
    fake.started[0]!.next()
    fake.started[0]!.finish()
    expect(reason(fake)).toBeUndefined()
  })

  it('is free before the caller is told', () => {
    const fake = new FakeEngine({ concurrency: 1 })
    const caller = fake.invoke(fn)
    let again: string | undefined = 'not called'
    caller.whenTold = () => (again = reason(fake))
    fake.started[0]!.next()
    fake.started[0]!.finish()
    expect(again).toBeUndefined()
  })

  it('reserved is a cap and a guarantee', () => {
    const fake = new FakeEngine({ concurrency: 3 })
    const other = deployed({ name: 'other' })
    fake.engine.reserve('echo', 1)
    expect(reason(fake)).toBeUndefined()
    expect(reason(fake)).toBe('ReservedFunctionConcurrentInvocationLimitExceeded')
    expect(reason(fake, other)).toBeUndefined()
    expect(reason(fake, other)).toBeUndefined()
    expect(reason(fake, other)).toBe('ConcurrentInvocationLimitExceeded')
    fake.engine.reserve('echo', 0)
    fake.started[0]!.next()
    fake.started[0]!.finish()
    expect(reason(fake)).toBe('ReservedFunctionConcurrentInvocationLimitExceeded')
    fake.engine.reserve('echo', undefined)
    expect(reason(fake)).toBeUndefined()
    expect(reason(fake)).toBe('ConcurrentInvocationLimitExceeded')
  })
})

describe('provisioned concurrency', () => {
  it('starts ahead, some at a time, and stays', () => {
    const fake = new FakeEngine({ provisionedStarts: 2, idleTimeoutMs: 1000 })
    const version = deployed({ version: '1' })
    fake.engine.provision(version, 3)
    expect(fake.started).toHaveLength(2)
    expect(fake.engine.provisioned('echo', '1')).toMatchObject({ requested: 3, allocated: 0, status: 'IN_PROGRESS' })
    fake.started[0]!.next()
    fake.started[1]!.next()
    fake.started[2]!.next()
    expect(fake.engine.provisioned('echo', '1')).toEqual({
      requested: 3,
      allocated: 3,
      available: 3,
      status: 'READY',
      reason: undefined,
    })
    const caller = fake.invoke(version)
    expect(fake.started).toHaveLength(3)
    fake.started.find((environment) => environment.current !== undefined)!.finish()
    expect(caller.result!.figures.initMs).toBeUndefined()
    fake.pass(5000)
    expect(fake.engine.environments).toBe(3)
    fake.engine.provision(version, 1)
    fake.reap()
    expect(fake.engine.environments).toBe(1)
    fake.engine.provision(version, undefined)
    fake.reap()
    expect(fake.engine.provisioned('echo', '1')).toBeUndefined()
    expect(fake.engine.environments).toBe(0)
  })

  it('has 130 seconds for init', () => {
    const fake = new FakeEngine()
    fake.engine.provision(fn, 1)
    fake.pass(129_000)
    expect(fake.started[0]!.killed).toBe(false)
    fake.pass(1000)
    expect(fake.started[0]!.killed).toBe(true)
    expect(fake.lines).toContain('INIT_REPORT Init Duration: 130000.00 ms\tPhase: init\tStatus: timeout')
  })

  it('replaces what ends, and gives up on what cannot start', () => {
    const fake = new FakeEngine()
    fake.engine.provision(fn, 1)
    fake.started[0]!.next()
    fake.invoke(fn)
    fake.started[0]!.exit({ status: 1 })
    expect(fake.started).toHaveLength(2)
    for (let i = 1; i <= 3; i++) fake.started[i]!.exit({ status: 1 })
    expect(fake.started).toHaveLength(4)
    expect(fake.engine.provisioned('echo', '$LATEST')).toMatchObject({
      status: 'FAILED',
      reason: 'FUNCTION_ERROR_INIT_FAILURE',
    })
    fake.engine.provision(fn, 1)
    expect(fake.started).toHaveLength(5)
  })

  it('waits for room', () => {
    const fake = new FakeEngine({ maxEnvironments: 2 })
    fake.invoke(deployed({ name: 'other' }))
    fake.engine.provision(fn, 2)
    expect(fake.started).toHaveLength(2)
    fake.started[1]!.next()
    expect(fake.engine.provisioned('echo', '$LATEST')).toMatchObject({
      status: 'FAILED',
      reason: 'INSUFFICIENT_CAPACITY',
    })
    fake.started[0]!.next()
    fake.started[0]!.finish()
    fake.pass(1000)
    fake.started[2]!.next()
    expect(fake.engine.provisioned('echo', '$LATEST')!.status).toBe('READY')
    expect(fake.started[0]!.killed).toBe(true)
  })

  it('is set apart from what others may use', () => {
    const fake = new FakeEngine({ concurrency: 3 })
    fake.engine.provision(fn, 2)
    const other = deployed({ name: 'other' })
    expect(fake.invoke(other).refused).toBeUndefined()
    expect(fake.invoke(other).refused?.code).toBe('TooManyRequestsException')
    expect(fake.invoke(fn).refused).toBeUndefined()
    expect(fake.invoke(fn).refused).toBeUndefined()
    expect(fake.invoke(fn).refused?.code).toBe('TooManyRequestsException')
  })
})

describe('the end', () => {
  it('drain refuses what is new and waits for what runs', async () => {
    const fake = new FakeEngine()
    fake.invoke(fn)
    let drained = false
    const draining = fake.engine.drain(60_000).then(() => (drained = true))
    expect(fake.invoke(fn).refused).toMatchObject({ code: 'ServiceException', status: 503 })
    fake.started[0]!.next()
    await Promise.resolve()
    expect(drained).toBe(false)
    fake.started[0]!.finish()
    await draining
  })

  it('close ends everything and tells everybody', async () => {
    const fake = new FakeEngine()
    const environment = fake.warm(fn)
    const answered = fake.invoke(fn)
    environment.respond()
    fake.warm(deployed({ name: 'busy' }))
    const running = fake.invoke(deployed({ name: 'busy' }))
    const waiting = fake.invoke(deployed({ name: 'slow' }))
    fake.engine.provision(deployed({ name: 'kept' }), 2)
    const closing = fake.engine.close()
    expect(answered.result).toBeDefined()
    expect(running.refused?.code).toBe('ServiceException')
    expect(waiting.refused?.code).toBe('ServiceException')
    expect(fake.started.every((environment) => environment.killed)).toBe(true)
    fake.reap()
    await closing
    expect(fake.engine.environments).toBe(0)
    expect(fake.timed).toBe(0)
    expect(fake.invoke(fn).refused?.code).toBe('ServiceException')
  })
})

it('a sink that throws harms nobody', () => {
  const fake = new FakeEngine({ concurrency: 1 })
  const caller = fake.invoke(fn)
  caller.whenTold = () => {
    throw new Error('oops')
  }
  fake.started[0]!.next()
  fake.started[0]!.finish()
  expect(fake.problems).toHaveLength(1)
  expect(fake.invoke(fn).refused).toBeUndefined()
})
