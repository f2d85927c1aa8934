import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Headers } from '@sekisho/wire'
import type { Enforcer } from 'casbin'
import { expect, it } from 'vitest'
import type { RedisCall, RedisLink } from '../redis/index.ts'
import { PolicyDecisions } from './casbin/policy-decisions.ts'
import { LeasedWindow } from './limits/leased-window.ts'
import { RedisWindow } from './limits/redis-window.ts'
import { headersJson } from './logging/fields-json.ts'

/**
 * What is remembered of strangers is bounded in bytes, not only in number: 20,000 requests, each with a value of its own as long as a head may be, and
 * short ones that are parts of long heads.
 */
const REQUESTS = 20_000
const MAX_GROWTH = 24 * 1_048_576

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const heapBytes = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

/** A text out of a head: memory of its own it has not. */
function partOfHead(index: number, length: number): string {
  const head = Buffer.alloc(30_000, 'x')
  head.write(`:${index}:`)
  return head.toString('latin1').slice(0, length)
}

/** Answers each call at once: nothing is left. */
const fullRedis = {
  send(call: RedisCall) {
    call.arguments()
    call.done([0, 0, 60_000, 60_000])
  },
} as unknown as RedisLink

const exact = new RedisWindow(fullRedis, 'p:', false)
const ahead = new LeasedWindow(fullRedis, 'p:', true, 1_000)
const decisions = new PolicyDecisions({ enforceSync: () => false } as unknown as Enforcer)

it.each([
  ['windows in Redis', (text: string) => void exact.take(text, 1, 60_000)],
  ['shares of windows in Redis', (text: string) => void ahead.take(text, 1, 60_000)],
  ['decisions of a policy', (text: string) => void decisions.allows(text, '/', 'GET')],
  ['names of fields', (text: string) => void headersJson(new Headers(`${text.replaceAll(':', '-')}: 1\r\n`))],
])(
  '%s',
  (_name, take) => {
    const before = heapBytes()
    for (let index = 0; index < REQUESTS; index++) take(partOfHead(index, index % 2 === 0 ? 30_000 : 40))
    expect(heapBytes() - before).toBeLessThan(MAX_GROWTH)
  },
  60_000,
)
