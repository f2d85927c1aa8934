import { readdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type Fault, FAULTS } from './faults/index.ts'
import { randomFrom } from './orders.mjs'
import { World, type WorldOptions } from './world.ts'

/** How often two things are done at a time. */
const PAIRED = 0.3
/** Descriptors of a gateway process that has nothing to do: sockets of two workers, their spares, pools, logs. */
const MAX_DESCRIPTORS = 250
/** Characters of the error log that a failed run shows. */
const MAX_LOG_LENGTH = 8_000
/** What an error log must not say, whatever happens. */
const BUGS = /\b(TypeError|RangeError|ReferenceError|AssertionError|ERR_INTERNAL\w*|internal error|unhandled)\b/i

export interface RunOptions extends WorldOptions {
  readonly minutes: number
  /** A regular expression for the names of what is done; empty: everything. */
  readonly only: string
  readonly tell: (line: string) => void
}

export interface RunResult {
  /** Bytes that nobody sent, requests sent twice, faults that were not recovered from. */
  readonly wrong: readonly string[]
  /** Requests that were lost, and need not have been. */
  readonly unexplained: readonly string[]
  /** What the gateway did not give back. */
  readonly leaks: readonly string[]
}

/** One run: a load, and one thing or two at a time that go wrong, as the seed says. */
export async function run({ minutes, tell, only, ...options }: RunOptions): Promise<RunResult> {
  const world = await World.start(options)
  const { ledger } = world
  const leaks: string[] = []
  const struck = new Map<string, number>()
  try {
    const next = randomFrom(options.seed)
    const faults = FAULTS.filter((fault) => new RegExp(only).test(fault.name) && (fault.possible?.(world) ?? true))
    const until = performance.now() + minutes * 60_000
    await world.recovered()
    while (performance.now() < until) {
      const chosen = choose(faults, next)
      const names = chosen.map(({ name }) => name).join(', and ')
      const from = world.elapsedMs
      const strikes = await Promise.allSettled(
        chosen.map((fault) => fault.strike(world, randomFrom(Math.floor(next() * 2 ** 31)))),
      )
      for (const strike of strikes) {
        if (strike.status === 'rejected')
          ledger.wrong.push(`${names} at ${from} ms: ${(strike.reason as Error).message}`)
      }
      const struckMs = world.elapsedMs - from
      await world
        .recovered()
        .catch((error: Error) => void ledger.wrong.push(`after ${names} at ${from} ms: ${error.message}`))
      tell(`${String(from).padStart(7)} ms  ${names} (${struckMs} ms, and ${world.elapsedMs - from - struckMs} ms)`)
      for (const { name } of chosen) struck.set(name, (struck.get(name) ?? 0) + 1)
      await pause(next() * 500)
    }
    await world.gateway.configure()
    await world.stopLoad()
    leaks.push(...(await left(world)))
    const bug = BUGS.exec(world.gateway.sekisho.stderr)
    if (bug !== null)
      leaks.push(`the error log: ${world.gateway.sekisho.stderr.slice(Math.max(0, bug.index - 300), bug.index + 600)}`)
  } finally {
    await world.close()
  }
  const { lost, unexplained } = ledger.judge(world.startedAt)
  if (unexplained.length + ledger.wrong.length + leaks.length > 0)
    tell(`the error log ended with:\n${world.gateway.sekisho.stderr.slice(-MAX_LOG_LENGTH)}`)
  report(world, struck, lost, tell)
  tell(`lost without one: ${unexplained.length}`)
  return { wrong: ledger.wrong, unexplained, leaks }
}

function choose(faults: readonly Fault[], next: () => number): Fault[] {
  const first = faults[Math.floor(next() * faults.length)] as Fault
  if (next() >= PAIRED) return [first]
  const others = faults.filter(({ area }) => area !== first.area)
  if (others.length === 0) return [first]
  return [first, others[Math.floor(next() * others.length)] as Fault]
}

/** What is still there although nobody asks for anything. */
async function left(world: World): Promise<string[]> {
  const leaks: string[] = []
  const zero = /^sekisho_upstream_connections\{state="active"\} (\d+)$/m
  await world
    .until('no connection to a node has a request', async () => zero.exec(await world.gateway.metrics())?.[1] === '0')
    .catch((error: Error) => leaks.push(error.message))
  const pid = await world.gateway.processId()
  const descriptors = readdirSync(`/proc/${pid}/fd`).length
  if (descriptors > MAX_DESCRIPTORS) leaks.push(`the gateway has ${descriptors} descriptors open`)
  return leaks
}

function report(
  { ledger, elapsedMs }: World,
  struck: ReadonlyMap<string, number>,
  lost: ReadonlyMap<string, number>,
  tell: (line: string) => void,
): void {
  const table = (counts: ReadonlyMap<string, number>): string =>
    [...counts]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, count]) => `  ${String(count).padStart(7)}  ${name}`)
      .join('\n')
  const sum = [...ledger.served.values()].reduce((all, count) => all + count, 0)
  tell(`what was done:\n${table(struck)}`)
  tell(`${sum} answered as they should be, in ${Math.round(elapsedMs / 1000)} s:\n${table(ledger.served)}`)
  tell(`lost, by rule:\n${table(lost)}`)
}
