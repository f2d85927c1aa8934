import { expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../../../wire/src/testing/seeded-random.ts'
import type { FakeEnvironment } from './testing/fake-environment.ts'
import { type Caller, deployed, FakeEngine } from './testing/fake-engine.ts'

const SEED = fuzzSeed(20261121)
const RUNS = fuzzRuns(40)
const STEPS = 400

const FUNCTIONS = [
  deployed({ name: 'a' }),
  deployed({ name: 'a', version: '1', memoryMb: 256 }),
  deployed({ name: 'b', timeoutMs: 50 }),
  deployed({ name: 'c', memoryMb: 512 }),
]

/** Whatever callers, runtimes, processes and time do in whatever order: the promises of the engine hold. */
class Simulation {
  readonly random: SeededRandom
  readonly fake: FakeEngine
  readonly callers: Caller[] = []
  readonly concurrency: number
  readonly maxEnvironments: number
  readonly provisions: boolean
  readonly reserved = new Map<string, number | undefined>()

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
    this.concurrency = 1 + this.random.below(8)
    this.maxEnvironments = 1 + this.random.below(6)
    this.provisions = this.random.chance(0.5)
    this.fake = new FakeEngine({
      concurrency: this.concurrency,
      maxEnvironments: this.maxEnvironments,
      maxMemoryMb: this.random.pick([300, 1000, 100_000]),
      idleTimeoutMs: 500,
      initTimeoutMs: 100,
      provisionedInitTimeoutMs: 150,
      provisionedStarts: 2,
    })
    if (this.random.chance(0.3)) this.fake.extensions = ['agent']
    // Before the first call: what is under way is not undone by a reservation for others.
    if (this.random.chance(0.5)) this.#reserve()
  }

  step(): void {
    const { random, fake } = this
    const dice = random.next()
    if (dice < 0.35) this.#invoke()
    else if (dice < 0.8) this.#act(random.pick(this.#alive()))
    else if (dice < 0.9) fake.pass(random.pick([1, 5, 20, 60, 600]))
    else if (dice < 0.93) fake.reap()
    else if (dice < 0.97 && this.provisions) fake.engine.provision(random.pick(FUNCTIONS), random.below(3))
    else if (dice < 0.985) fake.engine.retire('a', '1', random.pick(['r1', 'r2']))
    else random.pick(this.callers)?.running.abandon()
  }

  check(): void {
    const { fake } = this
    expect(fake.problems).toEqual([])
    expect(this.callers.filter((caller) => caller.told > 1)).toEqual([])
    const open = this.callers.filter((caller) => caller.told === 0)
    // What is provisioned later comes on top of what others have under way already.
    expect(open.length).toBeLessThanOrEqual(this.concurrency + (this.provisions ? 2 * FUNCTIONS.length : 0))
    const alive = fake.started.filter((environment) => !environment.killed && !environment.gone)
    const ending = alive.filter((environment) => environment.shutdowns.length > 0)
    expect(alive.length - ending.length).toBeLessThanOrEqual(this.maxEnvironments)
    expect(fake.engine.environments).toBe(fake.started.filter((environment) => !environment.gone).length)
    const busy = fake.engine.state().reduce((sum, { busy: count }) => sum + count, 0)
    expect(busy).toBe(open.length)
    for (const environment of alive) if (environment.frozen) expect(environment.current).toBeUndefined()
    // Each call is where it should be: in one environment, or waiting for one that is on its way.
    const running = alive.map((environment) => environment.current?.requestId).filter((id) => id !== undefined)
    expect(new Set(running).size).toBe(running.length)
    if (open.length > running.length) expect(fake.engine.environments).toBeGreaterThan(0)
  }

  async finish(): Promise<void> {
    const { fake } = this
    if (this.random.chance(0.5)) await this.#close()
    else this.#runDry()
    for (const caller of this.callers) expect(caller.told).toBe(1)
    expect(fake.engine.environments).toBe(0)
    expect(fake.timed).toBe(0)
    expect(fake.engine.state().every(({ busy }) => busy === 0)).toBe(true)
    const starts = fake.lines.filter((line) => line.startsWith('START ')).length
    expect(fake.lines.filter((line) => line.startsWith('END '))).toHaveLength(starts - this.interrupted)
    expect(fake.lines.filter((line) => line.startsWith('REPORT '))).toHaveLength(starts - this.interrupted)
  }

  /** Calls that ran when the engine was closed: they have no REPORT. */
  interrupted = 0

  async #close(): Promise<void> {
    const { fake } = this
    const closing = fake.engine.close()
    const begun = new Set(fake.lines.filter((line) => line.startsWith('START ')).map((line) => line.split(' ')[2]))
    this.interrupted = this.callers.filter(
      (caller) => caller.refused?.message.includes('stopped') === true && begun.has(caller.requestId),
    ).length
    fake.reap()
    await closing
  }

  #runDry(): void {
    const { fake } = this
    for (const fn of FUNCTIONS) fake.engine.provision(fn, undefined)
    for (let turn = 0; turn < 20; turn++) {
      fake.reap()
      fake.pass(3000)
    }
    for (const caller of this.callers) expect(caller.told).toBe(1)
    for (let turn = 0; turn < 5; turn++) {
      fake.pass(3000)
      fake.reap()
    }
  }

  #alive(): FakeEnvironment[] {
    return this.fake.started.filter((environment) => !environment.gone)
  }

  #invoke(): void {
    const { random } = this
    const fn = random.pick(FUNCTIONS)
    const before = this.callers.filter((caller) => caller.told === 0).length
    const caller = this.fake.invoke(fn, { tail: random.chance(0.2), streaming: random.chance(0.2) })
    this.callers.push(caller)
    if (caller.refused === undefined) return
    // Nobody is refused without a reason.
    expect(caller.refused.code).toBe('TooManyRequestsException')
    if (caller.refused.members['Reason'] === 'ReservedFunctionConcurrentInvocationLimitExceeded') {
      expect(this.reserved.get(fn.name)).toBeDefined()
    } else if (this.reserved.size === 0 && !this.provisions)
      expect(before + this.fake.engine.environments).toBeGreaterThan(0)
  }

  #reserve(): void {
    const name = this.random.pick(FUNCTIONS).name
    const concurrency = this.random.chance(0.5) ? undefined : this.random.below(Math.min(3, this.concurrency + 1))
    let others = 0
    for (const [other, count] of this.reserved) if (other !== name) others += count ?? 0
    if (others + (concurrency ?? 0) > this.concurrency) return
    this.reserved.set(name, concurrency)
    this.fake.engine.reserve(name, concurrency)
  }

  /** What a runtime and its processes may do next. */
  #act(environment: FakeEnvironment | undefined): void {
    const { random } = this
    if (environment === undefined || environment.frozen) return
    const dice = random.next()
    const { listener } = environment
    if (dice < 0.03) return environment.exit(random.pick([{ status: 1 }, { signal: 'SIGKILL', outOfMemory: true }]))
    if (dice < 0.06) environment.print('some words\nand mo')
    if (environment.events.length === 0 && !environment.waiting) {
      if (dice < 0.1) return listener.onInitError({ type: 'Runtime.Unknown', body: Buffer.from('{}') })
      if (environment.launched.companions.length > 0) {
        listener.onExtensionRegistered('agent', ['INVOKE', 'SHUTDOWN'])
        if (random.chance(0.7)) listener.onExtensionNext('agent')
      }
      if (environment.closed) return
      return environment.next()
    }
    if (environment.current !== undefined) {
      if (random.chance(0.3)) return this.#stream(environment)
      if (random.chance(0.2)) return environment.fail('Function.Oops', '{}')
      return environment.respond()
    }
    if (environment.launched.companions.length > 0) listener.onExtensionNext('agent')
    if (!environment.waiting) environment.next()
  }

  #stream(environment: FakeEnvironment): void {
    environment.startPieces('text/plain')
    environment.piece(Buffer.from('piece'))
    environment.endPieces(this.random.chance(0.5) ? undefined : { type: 'Function.Broken', body: Buffer.from('{}') })
  }
}

it(`keeps its promises in ${RUNS} random histories (seed ${SEED})`, async () => {
  for (let run = 0; run < RUNS; run++) {
    const simulation = new Simulation(SEED + run)
    try {
      for (let step = 0; step < STEPS; step++) {
        simulation.step()
        if (step % 10 === 0) simulation.check()
      }
      await simulation.finish()
    } catch (error) {
      throw new Error(`SEKISHO_FUZZ_SEED=${SEED + run} SEKISHO_FUZZ_RUNS=1`, { cause: error })
    }
  }
})
