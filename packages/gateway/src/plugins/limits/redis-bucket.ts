import type { RedisCall, RedisLink, ScriptArguments } from '../../redis/index.ts'
import { keyName } from './redis-place.ts'
import { LEAKY_BUCKET } from './redis-scripts.ts'

/** Seconds to wait, -1: refused; undefined: it could not be counted. */
type Waiter = (seconds: number | undefined) => void

/** Leaky buckets in Redis, one for all nodes. The requests of a turn for the same key are one call. */
export class RedisBucket {
  private readonly link: RedisLink
  private readonly prefix: string
  private readonly rate: number
  private readonly burst: number
  private readonly open = new Map<string, BucketCall>()

  constructor(link: RedisLink, prefix: string, rate: number, burst: number) {
    this.link = link
    this.prefix = prefix
    this.rate = rate
    this.burst = burst
  }

  /** One request: the seconds to delay it, -1 when it is refused, undefined when it could not be counted. */
  take(key: string): Promise<number | undefined> {
    return new Promise((resolve) => {
      const call = this.open.get(key)
      if (call !== undefined) {
        call.waiters.push(resolve)
        return
      }
      const made = new BucketCall(keyName(this.prefix, key), this.rate, this.burst, () => this.open.delete(key))
      made.waiters.push(resolve)
      this.open.set(key, made)
      this.link.send(made)
    })
  }
}

class BucketCall implements RedisCall {
  readonly script = LEAKY_BUCKET
  readonly key: string
  readonly waiters: Waiter[] = []
  private readonly rate: number
  private readonly burst: number
  private seal: (() => void) | undefined

  /** @param seal called once, when nobody may join any more */
  constructor(key: string, rate: number, burst: number, seal: () => void) {
    this.key = key
    this.rate = rate
    this.burst = burst
    this.seal = seal
  }

  arguments(): ScriptArguments {
    this.leave()
    return [this.waiters.length, this.rate, this.burst]
  }

  done(reply: unknown): void {
    this.leave()
    const [granted, excessText] = (reply ?? [0, '0']) as readonly [number, string]
    const excess = Number(excessText) / 1_000
    for (let at = 0; at < this.waiters.length; at++) {
      if (reply === undefined) this.waiters[at](undefined)
      else this.waiters[at](at < granted ? (excess + at) / this.rate : -1)
    }
  }

  private leave(): void {
    this.seal?.()
    this.seal = undefined
  }
}
