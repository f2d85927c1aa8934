import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { BASE_DELAY_MS, STABLE_MS } from './backoff.ts'
import type { SupervisorMessage } from './messages.ts'
import { KILL_MARGIN_MS, MAX_DRAINING, MAX_KEPT_LENGTH, Supervisor } from './supervisor.ts'
import type { GatewayEvents } from './supervisor.ts'

// The life of gateway processes without one: a fake is told what to say.

const GRACE_MS = 1000
const READY_TIMEOUT_MS = 500

class FakeProcess {
  readonly pid: number
  readonly sent: SupervisorMessage[] = []
  killed = 0
  readonly events: GatewayEvents
  kept: Readonly<Record<string, string>> = {}

  constructor(pid: number, events: GatewayEvents) {
    this.pid = pid
    this.events = events
  }

  send(message: SupervisorMessage): void {
    this.sent.push(message)
  }

  kill(): void {
    this.killed++
  }
}

const stop: SupervisorMessage = { type: 'stop', graceMs: GRACE_MS }
const lastStop: SupervisorMessage = { ...stop, last: true }
let processes: FakeProcess[]
let ready: number[]
let lines: string[]
let listenersClosed: number
let supervisor: Supervisor

let settled: number
let drainDelayMs = 0
let replacing: boolean[]

const create = (): void => {
  const log = (message: string): void => void lines.push(message)
  supervisor = new Supervisor({
    graceMs: GRACE_MS,
    readyTimeoutMs: READY_TIMEOUT_MS,
    drainDelayMs,
    logger: { info: log, warn: log, error: log },
    launch(generation, events, kept, replaces) {
      const process = new FakeProcess(generation, events)
      process.kept = kept
      processes.push(process)
      replacing.push(replaces)
      return process
    },
    onReady: (_process, generation) => void ready.push(generation),
    onSettled: () => void settled++,
    closeListeners: () => void listenersClosed++,
  })
  supervisor.start()
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime'] })
  processes = []
  ready = []
  lines = []
  listenersClosed = 0
  settled = 0
  drainDelayMs = 0
  replacing = []
  create()
})
afterEach(() => {
  vi.useRealTimers()
})

/** The process of a generation. */
const at = (generation: number): FakeProcess => processes[generation - 1]

it('announces the first process and stops it', async () => {
  at(1).events.ready()
  expect(ready).toEqual([1])
  supervisor.stop('SIGTERM')
  expect(at(1).sent).toEqual([lastStop])
  expect(listenersClosed).toBe(1)
  at(1).events.exited('exited with code 0')
  await supervisor.done
  expect(vi.getTimerCount()).toBe(0)
})

it('hands what the serving process keeps to the next one, also after a crash', () => {
  at(1).events.ready()
  expect(at(1).kept).toEqual({})
  at(1).events.keep('health', 'a')
  at(1).events.keep('other', 'b')
  supervisor.replace('SIGUSR2')
  expect(at(2).kept).toEqual({ health: 'a', other: 'b' })
  at(1).events.keep('other', 'd')
  expect(at(2).sent).toEqual([{ type: 'kept', values: { other: 'd' } }])
  // One that is warming up speaks for what comes after it.
  at(2).events.keep('health', 'b')
  at(1).events.keep('health', 'e')
  at(2).events.ready()
  at(1).events.keep('health', 'of one that drains')
  supervisor.replace('SIGUSR2')
  expect(at(3).kept).toEqual({ health: 'b', other: 'd' })
  at(3).events.exited('exited with code 1')
  at(2).events.keep('health', 'c')
  at(2).events.exited('was killed by SIGKILL')
  vi.runOnlyPendingTimers()
  expect(at(4).kept).toEqual({ health: 'c', other: 'd' })
})

it('keeps no more than it may', () => {
  at(1).events.ready()
  at(1).events.keep('a', 'x'.repeat(MAX_KEPT_LENGTH))
  at(1).events.keep('b', 'y')
  expect(lines.at(-1)).toContain('too many')
  supervisor.replace('SIGUSR2')
  expect(Object.keys(at(2).kept)).toEqual(['a'])
})

it('fails when the first process ends before it was ready', async () => {
  at(1).events.exited('exited with code 1')
  await expect(supervisor.done).rejects.toThrow('gateway process 1 exited with code 1 before it was ready')
  expect(processes).toHaveLength(1)
  expect(vi.getTimerCount()).toBe(0)
})

it('kills a first process that is not ready in time, and fails', async () => {
  vi.advanceTimersByTime(READY_TIMEOUT_MS)
  expect(at(1).killed).toBe(1)
  at(1).events.exited('was killed by SIGKILL')
  await expect(supervisor.done).rejects.toThrow('was killed by SIGKILL before it was ready')
})

it('lets the old process drain only when the new one is ready', () => {
  at(1).events.ready()
  supervisor.replace('SIGUSR2')
  expect(at(1).sent).toEqual([])
  at(2).events.ready()
  expect(at(1).sent).toEqual([stop])
  expect(ready).toEqual([1, 2])
  at(1).events.exited('exited with code 0')
  expect(processes).toHaveLength(2)
})

it('kills a drained process that does not end', () => {
  at(1).events.ready()
  supervisor.replace('SIGUSR2')
  at(2).events.ready()
  vi.advanceTimersByTime(GRACE_MS + KILL_MARGIN_MS - 1)
  expect(at(1).killed).toBe(0)
  vi.advanceTimersByTime(1)
  expect(at(1).killed).toBe(1)
})

it('goes on with the old process when the new one dies or is late', () => {
  at(1).events.ready()
  supervisor.replace('SIGUSR2')
  at(2).events.exited('exited with code 1')
  expect(lines.at(-1)).toBe('gateway process 2 exited with code 1 before it was ready: gateway process 1 goes on')
  supervisor.replace('SIGUSR2')
  vi.advanceTimersByTime(READY_TIMEOUT_MS)
  expect(at(3).killed).toBe(1)
  at(3).events.exited('was killed by SIGKILL')
  vi.runAllTimers()
  expect(processes).toHaveLength(3)
  expect(at(1).sent).toEqual([])
})

it('makes one more replacement, however often it was asked for during one', () => {
  at(1).events.ready()
  supervisor.replace('SIGUSR2')
  supervisor.replace('SIGUSR2')
  at(1).events.replace('SIGHUP')
  at(2).events.replace('SIGHUP')
  expect(processes).toHaveLength(2)
  at(2).events.ready()
  expect(processes).toHaveLength(3)
  at(3).events.ready()
  expect(processes).toHaveLength(3)
})

it('tells reloads to the process that serves and to the one that warms up', () => {
  at(1).events.ready()
  supervisor.replace('SIGUSR2')
  supervisor.tell({ type: 'reload' })
  expect([at(1).sent, at(2).sent]).toEqual([[{ type: 'reload' }], [{ type: 'reload' }]])
})

it('ignores the wishes of a draining process', () => {
  at(1).events.ready()
  supervisor.replace('SIGUSR2')
  at(2).events.ready()
  at(1).events.replace('worker died')
  expect(processes).toHaveLength(2)
})

it('restarts a dead process at once, and slower when it dies again', () => {
  at(1).events.ready()
  at(1).events.exited('was killed by SIGKILL')
  expect(processes).toHaveLength(2)
  at(2).events.exited('exited with code 1')
  expect(processes).toHaveLength(2)
  vi.advanceTimersByTime(BASE_DELAY_MS - 1)
  expect(processes).toHaveLength(2)
  vi.advanceTimersByTime(1)
  expect(processes).toHaveLength(3)
  at(3).events.ready()
  vi.advanceTimersByTime(STABLE_MS)
  at(3).events.exited('was killed by SIGKILL')
  expect(processes).toHaveLength(4)
})

it('lets a process that warms up take over from one that dies', () => {
  at(1).events.ready()
  supervisor.replace('SIGUSR2')
  at(1).events.exited('was killed by SIGKILL')
  expect(processes).toHaveLength(2)
  at(2).events.ready()
  expect(ready).toEqual([1, 2])
})

it('does not wait for the back-off when a replacement is asked for', () => {
  at(1).events.ready()
  at(1).events.exited('x')
  at(2).events.exited('x')
  supervisor.replace('SIGUSR2')
  expect(processes).toHaveLength(3)
  vi.advanceTimersByTime(BASE_DELAY_MS)
  expect(processes).toHaveLength(3)
})

it('ends the oldest when too many drain', () => {
  at(1).events.ready()
  for (let generation = 2; generation <= MAX_DRAINING + 1; generation++) {
    supervisor.replace('SIGUSR2')
    at(generation).events.ready()
  }
  expect(processes.map((process) => process.killed)).toEqual([0, 0, 0, 0, 0])
  supervisor.replace('SIGUSR2')
  at(MAX_DRAINING + 2).events.ready()
  expect(processes.map((process) => process.killed)).toEqual([1, 0, 0, 0, 0, 0])
})

it('stops every process there is, and kills them on the second signal', async () => {
  at(1).events.ready()
  supervisor.replace('SIGUSR2')
  at(2).events.ready()
  supervisor.replace('SIGUSR2')
  supervisor.stop('SIGTERM')
  expect(processes.map((process) => process.sent)).toEqual([[stop], [lastStop], [lastStop]])
  supervisor.stop('SIGTERM')
  expect(processes.map((process) => process.killed)).toEqual([1, 1, 1])
  for (const process of processes) process.events.exited('was killed by SIGKILL')
  await supervisor.done
  expect(processes).toHaveLength(3)
})

it('stops while a dead process waits to be restarted', async () => {
  at(1).events.ready()
  at(1).events.exited('x')
  at(2).events.exited('x')
  supervisor.stop('SIGTERM')
  await supervisor.done
  vi.runAllTimers()
  expect(processes).toHaveLength(2)
})

it('goes on accepting for the drain delay, and says that it is not ready', async () => {
  drainDelayMs = 300
  processes = []
  create()
  at(1).events.ready()
  supervisor.stop('SIGTERM')
  expect(at(1).sent).toEqual([{ type: 'unready' }])
  expect(listenersClosed).toBe(0)
  vi.advanceTimersByTime(299)
  expect(listenersClosed).toBe(0)
  vi.advanceTimersByTime(1)
  expect(listenersClosed).toBe(1)
  expect(at(1).sent).toEqual([{ type: 'unready' }, lastStop])
  at(1).events.exited('exited with code 0')
  await supervisor.done
})

it('ends at once on a second signal within the drain delay', async () => {
  drainDelayMs = 300
  processes = []
  create()
  at(1).events.ready()
  supervisor.stop('SIGTERM')
  supervisor.stop('SIGTERM')
  expect(at(1).killed).toBe(1)
  at(1).events.exited('was killed by SIGKILL')
  await supervisor.done
  expect(listenersClosed).toBe(1)
})

it('tells a process whether another one serves meanwhile', () => {
  at(1).events.ready()
  supervisor.replace('SIGUSR2')
  at(2).events.ready()
  at(2).events.exited('was killed by SIGKILL')
  expect(replacing).toEqual([false, true, false])
})

it('tells when what was ordered is over: a reload, a replacement, and one that failed', () => {
  at(1).events.ready()
  expect(settled).toBe(1)
  at(1).events.reloaded()
  expect(settled).toBe(2)
  supervisor.replace('SIGUSR2')
  expect(settled).toBe(2)
  at(2).events.exited('exited with code 1')
  expect(settled).toBe(3)
})
