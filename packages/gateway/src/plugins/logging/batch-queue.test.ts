import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { BatchQueue, MAX_BATCH_BYTES, type BatchLimits, type Sent } from './batch-queue.ts'
import type { LogCounts } from './log-metrics.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
afterEach(() => void vi.useRealTimers())

const LIMITS: BatchLimits = {
  maxBatchEntries: 3,
  inactiveMs: 5_000,
  maxAgeMs: 12_000,
  maxRetries: 0,
  retryDelayMs: 1_000,
  maxPendingEntries: 10,
  maxPendingBytes: 1_000,
}

/** A queue to a sink that keeps what it gets; `outcomes` says what becomes of each batch in turn, then all succeed. */
function queueWith(limits: Partial<BatchLimits> = {}, concurrency?: number) {
  const batches: string[][] = []
  const outcomes: (Error | Sent<string> | Promise<void>)[] = []
  const counts: Record<string, number> = {}
  const lines: string[] = []
  let closed = 0
  const log = (_fields: object, message: string): void => void lines.push(message)
  const sink = {
    ...(concurrency === undefined ? {} : { concurrency }),
    async send(entries: readonly string[]) {
      batches.push([...entries])
      const outcome = outcomes.shift()
      if (outcome instanceof Error) throw outcome
      return outcome
    },
    close: () => void closed++,
  }
  const queue = new BatchQueue<string>(sink, {
    name: 'test',
    fields: {},
    limits: { ...LIMITS, ...limits },
    counts: {
      add: (outcome: string, count: number) => void (counts[outcome] = (counts[outcome] ?? 0) + count),
    } as unknown as LogCounts,
    logger: { error: log, warn: log, info: log },
    random: () => 0.5,
  })
  const push = (...entries: string[]): void => entries.forEach((entry) => queue.push(entry, entry.length))
  const numbers = (): Record<string, number> =>
    Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
  return { queue, batches, outcomes, lines, push, numbers, closed: () => closed }
}

/** As many turns of the event loop as any test needs. */
async function turn(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve))
}

async function advance(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await turn()
}

describe('a batch leaves', () => {
  test('when it is full, but not in the turn of the entry that fills it', async () => {
    const { batches, push, numbers, queue } = queueWith()
    push('a', 'b', 'c', 'd')
    expect(batches).toEqual([])
    await turn()
    expect(batches).toEqual([['a', 'b', 'c']])
    expect(numbers()).toEqual({ sent: 3 })
    expect(queue.pending).toBe(1)
  })

  test('when nothing came for a while', async () => {
    const { batches, push } = queueWith()
    push('a')
    await advance(4_000)
    push('b')
    await advance(4_999)
    expect(batches).toEqual([])
    await advance(2)
    expect(batches).toEqual([['a', 'b']])
  })

  test('when its first entry is old, however often others come', async () => {
    const { batches, push } = queueWith({ maxBatchEntries: 100 })
    for (let second = 0; second < 12; second += 3) {
      push(String(second))
      await advance(3_000)
    }
    await advance(1)
    expect(batches).toEqual([['0', '3', '6', '9']])
  })

  test('when it has many bytes', async () => {
    const { batches, push } = queueWith({ maxPendingBytes: 3 * MAX_BATCH_BYTES })
    push('x'.repeat(MAX_BATCH_BYTES))
    await turn()
    expect(batches).toHaveLength(1)
  })
})

describe('a batch that failed', () => {
  test('is dropped without retries, and counted', async () => {
    const { outcomes, push, numbers, queue } = queueWith()
    outcomes.push(new Error('away'))
    push('a', 'b', 'c')
    await turn()
    expect(numbers()).toEqual({ failed: 3 })
    expect(queue.pending).toBe(0)
  })

  test('is sent again after a delay that doubles, before all others', async () => {
    const { batches, outcomes, push, numbers } = queueWith({ maxRetries: 2 })
    outcomes.push(new Error('away'), new Error('away'))
    push('a', 'b', 'c', 'd', 'e', 'f')
    await turn()
    expect(batches).toHaveLength(1)
    await advance(999)
    expect(batches).toHaveLength(1)
    await advance(1)
    expect(batches).toHaveLength(2)
    await advance(1_999)
    expect(batches).toHaveLength(2)
    await advance(2)
    expect(batches).toEqual([...Array(3).fill(['a', 'b', 'c']), ['d', 'e', 'f']])
    expect(numbers()).toEqual({ sent: 6 })
  })

  test('never waits longer than a minute, and varies', async () => {
    const { batches, outcomes, push } = queueWith({ maxRetries: 10 })
    outcomes.push(...Array.from({ length: 9 }, () => new Error('away')))
    push('a', 'b', 'c')
    await advance(1_000 + 2_000 + 4_000 + 8_000 + 16_000 + 32_000 + 60_000 + 60_000)
    expect(batches).toHaveLength(9)
  })

  test('in part is sent again in part', async () => {
    const { batches, outcomes, push, numbers } = queueWith({ maxRetries: 1 })
    outcomes.push({ again: ['b'], refused: 1 })
    push('a', 'b', 'c')
    await turn()
    expect(numbers()).toEqual({ sent: 1, refused: 1 })
    await advance(1_000)
    expect(batches).toEqual([['a', 'b', 'c'], ['b']])
    expect(numbers()).toEqual({ sent: 2, refused: 1 })
  })
})

describe('bounds', () => {
  test('of entries: what comes beyond is dropped, told once, and told when it is over', async () => {
    const { queue, outcomes, push, lines, numbers } = queueWith()
    let free = (): void => undefined
    outcomes.push(new Promise<void>((resolve) => (free = resolve)))
    for (let entry = 0; entry < 15; entry++) push('x')
    await turn()
    expect(queue.pending).toBe(10)
    expect(numbers()).toEqual({ dropped: 5 })
    expect(lines).toEqual(['test: entries are dropped, as too many wait already'])
    free()
    await turn()
    push('y', 'y')
    await turn()
    expect(lines).toHaveLength(2)
    expect(numbers()).toEqual({ dropped: 5, sent: 12 })
  })

  test('of bytes', () => {
    const { queue, push, numbers } = queueWith({ maxBatchEntries: 100 })
    push('x'.repeat(600), 'y'.repeat(401), 'z'.repeat(400))
    expect(queue.pending).toBe(2)
    expect(numbers()).toEqual({ dropped: 1 })
  })

  test('of batches under way; one while the sink fails', async () => {
    const { batches, outcomes, push } = queueWith({ maxRetries: 1 }, 2)
    const never = new Promise<void>(() => undefined)
    outcomes.push(never, never)
    push(...'abcdefghi')
    await turn()
    expect(batches).toHaveLength(2)
    const failing = queueWith({ maxRetries: 1 }, 3)
    failing.outcomes.push(new Error('away'), new Promise(() => undefined))
    failing.push('a', 'b', 'c')
    await turn()
    failing.push(...'defghi')
    await advance(1_000)
    expect(failing.batches).toHaveLength(2)
  })
})

describe('the end', () => {
  test('flush sends what waits, and tells when it is done', async () => {
    const { queue, batches, push } = queueWith()
    push('a')
    const done = queue.flush(1_000)
    await turn()
    expect(await done).toBe(true)
    expect(batches).toEqual([['a']])
    expect(await queue.flush(1_000)).toBe(true)
  })

  test('flush waits no longer than it may; what is left is counted and told', async () => {
    const { queue, outcomes, push, lines, numbers } = queueWith({ maxRetries: 100 })
    outcomes.push(...Array.from({ length: 100 }, () => new Error('away')))
    push('a', 'b')
    const done = queue.flush(3_500)
    await advance(3_500)
    expect(await done).toBe(false)
    expect(lines).toEqual(['test: entries are lost, as the sink did not take them in time'])
    expect(numbers()).toEqual({ failed: 2 })
    expect(queue.pending).toBe(0)
  })

  test('dispose sends what waits and closes the sink; what still comes leaves at once', async () => {
    const { queue, batches, push, closed } = queueWith()
    push('a')
    queue.dispose()
    push('b')
    await turn()
    await turn()
    expect(batches).toEqual([['a'], ['b']])
    expect(closed()).toBe(1)
  })
})
