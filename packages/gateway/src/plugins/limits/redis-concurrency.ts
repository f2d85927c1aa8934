import { randomBytes } from 'node:crypto'
import type { RedisCall, RedisLink, ScriptArguments } from '../../redis/index.ts'
import { keyName } from './redis-place.ts'
import { CONCURRENCY } from './redis-scripts.ts'

/** How many were in flight before a request that was let in; -1: it is refused; undefined: it could not be counted, and was let in. */
type Waiter = (before: number | undefined) => void

/** Workers tell what they have in flight three times before they would be forgotten. */
const TELLINGS = 3

/**
 * Requests in flight, counted in Redis for all nodes. Each worker knows its own, and tells Redis how many they are whenever one comes or goes: a
 * call that is lost is made good by the next, and what a worker had that died is forgotten after `ttlMs`.
 */
export class RedisConcurrency {
  /** As of `Concurrency`: seconds that a request above `conn` waits. */
  unitDelay = -1

  /** The name of this worker in Redis, for as long as it lives: what one that died had in flight is not this one's. */
  private readonly worker = randomBytes(9).toString('base64url')
  private readonly link: RedisLink
  private readonly prefix: string
  private readonly ttlMs: number
  private readonly counts = new Map<string, OwnCount>()
  private timer: NodeJS.Timeout | undefined
  private readonly onEmpty: () => void
  private isDisposed = false

  /** @param onEmpty called once after `dispose`, when the last request has left */
  constructor(link: RedisLink, prefix: string, ttlMs: number, onEmpty: () => void) {
    this.link = link
    this.prefix = prefix
    this.ttlMs = ttlMs
    this.onEmpty = onEmpty
  }

  /** Seconds to delay the request, -1 when it is refused, undefined when Redis is away: then it is in flight too, and must leave. */
  async enter(key: string, conn: number, burst: number, defaultDelayS: number): Promise<number | undefined> {
    if (this.unitDelay < 0) this.unitDelay = defaultDelayS
    const before = await this.count(key).enter(conn + burst)
    if (before === undefined || before < 0) return before
    return before + 1 > conn ? this.unitDelay * Math.floor(before / conn) : 0
  }

  leave(key: string, latencyS?: number): void {
    if (latencyS !== undefined && this.unitDelay >= 0) this.unitDelay = (latencyS + this.unitDelay) / 2
    this.counts.get(key)?.leave()
  }

  dispose(): void {
    this.isDisposed = true
    this.forgetIfEmpty()
  }

  forget(key: string): void {
    this.counts.delete(key)
    this.forgetIfEmpty()
  }

  private count(key: string): OwnCount {
    let count = this.counts.get(key)
    if (count === undefined) {
      count = new OwnCount(this.link, keyName(this.prefix, key), this.worker, this.ttlMs, () => this.forget(key))
      this.counts.set(key, count)
      this.timer ??= setInterval(this.tell, Math.max(1_000, this.ttlMs / TELLINGS)).unref()
    }
    return count
  }

  private readonly tell = (): void => {
    for (const count of this.counts.values()) count.tell()
  }

  private forgetIfEmpty(): void {
    if (this.counts.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
    if (this.isDisposed) this.onEmpty()
  }
}

interface Entrant {
  readonly most: number
  readonly resolve: Waiter
}

/** What this worker has in flight of one key. One call at a time: each says how many there are, so they must not overtake each other. */
class OwnCount implements RedisCall {
  readonly script = CONCURRENCY
  readonly key: string
  private readonly link: RedisLink
  private readonly worker: string
  private readonly ttlMs: number
  private readonly onIdle: () => void
  private count = 0
  private waiting: Entrant[] = []
  private asked: Entrant[] = []
  private isSending = false
  /** Whether Redis was told the wrong number, or none. */
  private isStale = false

  constructor(link: RedisLink, key: string, worker: string, ttlMs: number, onIdle: () => void) {
    this.link = link
    this.key = key
    this.worker = worker
    this.ttlMs = ttlMs
    this.onIdle = onIdle
  }

  enter(most: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      this.waiting.push({ most, resolve })
      this.send()
    })
  }

  leave(): void {
    if (this.count > 0) this.count--
    this.tell()
  }

  tell(): void {
    this.isStale = true
    this.send()
  }

  arguments(): ScriptArguments {
    this.isStale = false
    const { waiting } = this
    const most = waiting[0]?.most ?? 0
    // All of a call have the same limit; others, whose numbers come from the request, are in the next one.
    const other = waiting.findIndex((entrant) => entrant.most !== most)
    this.asked = other < 0 ? waiting : waiting.slice(0, other)
    this.waiting = other < 0 ? [] : waiting.slice(other)
    return [this.worker, this.count, this.asked.length, most, this.ttlMs]
  }

  done(reply: unknown): void {
    this.isSending = false
    const entrants = reply === undefined ? [...this.asked, ...this.waiting] : this.asked
    this.asked = []
    if (reply === undefined) {
      this.waiting = []
      this.isStale = false
      this.count += entrants.length
      for (const { resolve } of entrants) resolve(undefined)
    } else {
      const [granted, before] = reply as readonly [number, number]
      this.count += Math.min(granted, entrants.length)
      for (const [at, { resolve }] of entrants.entries()) resolve(at < granted ? before + at : -1)
    }
    if (this.waiting.length > 0 || this.isStale) this.send()
    else if (this.count === 0) this.onIdle()
  }

  private send(): void {
    if (this.isSending) return
    this.isSending = true
    this.link.send(this)
  }
}
