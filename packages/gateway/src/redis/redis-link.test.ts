import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ControlMetrics, WorkerMetrics } from '../observability/metrics/index.ts'
import type { RedisConnection } from './redis-connection.ts'
import { MAX_CALLS, type RedisCall, RedisLink } from './redis-link.ts'
import { redisScript } from './redis-script.ts'
import type { SingleRedis } from './redis-server.ts'

const server: SingleRedis = {
  kind: 'single',
  host: 'redis',
  port: 6_379,
  database: 0,
  username: undefined,
  password: 'hidden',
  tls: undefined,
  connectTimeoutMs: 1_000,
  timeoutMs: 100,
}

interface Sent {
  readonly command: string
  readonly key: string
  readonly args: readonly (string | number)[]
  resolve(reply: unknown): void
  reject(error: Error): void
}

/** A Redis that does what a test says. */
class FakeRedis {
  readonly sent: Sent[] = []
  writes = 0
  closed = 0
  opened = 0
  lose: (error: Error) => void = () => undefined
  /** What the next attempts to connect meet. */
  refuses: Error | undefined
  /** Keys are on the part that their first letter names. */
  isCluster = false

  readonly open = async (): Promise<RedisConnection> => {
    this.opened++
    if (this.refuses !== undefined) throw this.refuses
    return {
      evaluate: (command, _script, key, args) =>
        new Promise((resolve, reject) => void this.sent.push({ command, key, args, resolve, reject })),
      partOf: (key) => (this.isCluster ? key.slice(0, 1) : ''),
      cork: () => undefined,
      uncork: () => void this.writes++,
      onLost: (listener) => void (this.lose = listener),
      close: () => void this.closed++,
    }
  }
}

const script = redisScript('return 1')
const logged: string[] = []
let redis: FakeRedis
let link: RedisLink
let metrics: ControlMetrics

/** Makes a call, and gives what became of it. */
function call(key = 'k'): { readonly replies: unknown[] } {
  const replies: unknown[] = []
  const made: RedisCall = { script, key, arguments: () => [1], done: (reply) => void replies.push(reply) }
  link.send(made)
  return { replies }
}

const turn = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(0)
}
const count = (result: string): number =>
  Number(
    new RegExp(`sekisho_redis_calls_total\\{server="redis:6379/0",result="${result}"\\} (\\d+)`).exec(
      metrics.render(),
    )?.[1],
  )

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000 })
  logged.length = 0
  redis = new FakeRedis()
  metrics = new ControlMetrics({ version: 'test' })
  const worker = new WorkerMetrics(metrics.startWorker(0, 1), (batch) => metrics.receive(0, 1, batch))
  const log = (_: object, message: string): void => void logged.push(message)
  link = new RedisLink(server, worker, { error: log, warn: log, info: log }, redis.open)
})
afterEach(() => {
  link.close()
  metrics.stop()
  vi.useRealTimers()
})

describe('RedisLink', () => {
  it('holds calls until the first connection is ready, and sends those of a turn in one write', async () => {
    const first = call('a')
    const second = call('b')
    await turn()
    expect(redis.sent.map(({ key, command }) => `${command} ${key}`)).toEqual(['evalsha a', 'evalsha b'])
    expect(redis.writes).toBe(1)
    redis.sent[0].resolve(7)
    redis.sent[1].resolve(8)
    await turn()
    expect([first.replies, second.replies, count('ok')]).toEqual([[7], [8], 2])
  })

  it('sends the text of a script that the server does not have', async () => {
    const { replies } = call()
    await turn()
    redis.sent[0].reject(new Error('NOSCRIPT No matching script.'))
    await turn()
    expect(redis.sent[1].command).toBe('eval')
    redis.sent[1].resolve('done')
    await turn()
    expect(replies).toEqual(['done'])
  })

  it('settles calls at their time limit, then all others at once, and connects anew', async () => {
    await turn()
    const [first, second] = [call(), call()]
    await turn()
    await vi.advanceTimersByTimeAsync(99)
    expect(first.replies).toEqual([])
    await vi.advanceTimersByTimeAsync(2)
    expect([first.replies, second.replies]).toEqual([[undefined], [undefined]])
    expect([redis.closed, link.isUp]).toEqual([1, false])
    expect(call().replies).toEqual([undefined])
    redis.sent[0].resolve('late')
    await vi.advanceTimersByTimeAsync(60)
    expect([first.replies, link.isUp, redis.opened]).toEqual([[undefined], true, 2])
    expect(logged).toEqual([
      'Redis redis:6379/0 is away: did not answer within 100 ms',
      expect.stringMatching(/^Redis redis:6379\/0 is back after [\d.]+ s$/),
    ])
    expect([count('timeout'), count('away')]).toEqual([1, 2])
  })

  it('tries to connect more and more seldom, and says once that Redis is away', async () => {
    redis.refuses = new Error('connect ECONNREFUSED')
    const { replies } = call()
    await turn()
    redis.lose(new Error('reset'))
    await vi.advanceTimersByTimeAsync(0)
    const before = redis.opened
    await vi.advanceTimersByTimeAsync(10_000)
    expect(redis.opened - before).toBeLessThan(30)
    expect(redis.opened - before).toBeGreaterThan(5)
    redis.refuses = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    expect(link.isUp).toBe(true)
    expect(logged.filter((line) => line.includes('is away'))).toHaveLength(1)
    expect(replies).toHaveLength(1)
  })

  it('takes an error of one call for what it is', async () => {
    await turn()
    const { replies } = call()
    await turn()
    redis.sent[0].reject(Object.assign(new Error('OOM command not allowed'), { name: 'ReplyError' }))
    await turn()
    expect([replies, link.isUp, count('error')]).toEqual([[undefined], true, 1])
    expect(logged).toEqual(['Redis redis:6379/0 refused a call: OOM command not allowed'])
    call()
    await turn()
    redis.sent[1].reject(Object.assign(new Error('READONLY You can not write'), { name: 'ReplyError' }))
    await turn()
    expect(link.isUp).toBe(false)
  })

  it('takes only the node of a cluster as away that does not answer, and tries it again', async () => {
    redis.isCluster = true
    await turn()
    const lost = call('a1')
    const found = call('b1')
    await turn()
    redis.sent[1].resolve('b')
    await vi.advanceTimersByTimeAsync(101)
    expect([lost.replies, found.replies, link.isUp]).toEqual([[undefined], ['b'], true])
    const again = [call('a2'), call('b2')]
    await turn()
    expect([again[0].replies, again[1].replies]).toEqual([[undefined], []])
    await vi.advanceTimersByTimeAsync(90)
    redis.sent.at(-1)?.resolve('b')
    await vi.advanceTimersByTimeAsync(200)
    const trial = call('a3')
    const beside = call('a4')
    await turn()
    expect([trial.replies, beside.replies]).toEqual([[], [undefined]])
    redis.sent.at(-1)?.resolve('a')
    await turn()
    expect(trial.replies).toEqual(['a'])
    call('a5')
    await turn()
    expect(redis.sent.at(-1)?.key).toBe('a5')
    expect(logged).toEqual([
      'Redis redis:6379/0: a is away: did not answer within 100 ms',
      'Redis redis:6379/0: a is back',
    ])
  })

  it('has a limit of calls that wait', async () => {
    await turn()
    const calls = Array.from({ length: MAX_CALLS + 1 }, () => call())
    expect(calls[MAX_CALLS].replies).toEqual([undefined])
    expect(calls[MAX_CALLS - 1].replies).toEqual([])
    link.close()
    expect(calls.every(({ replies }) => replies.length === 1)).toBe(true)
  })
})
