import type { RedisCall, RedisLink, RedisScript, ScriptArguments } from '../../redis/index.ts'
import { ownText } from '../own-text.ts'
import { keyName } from './redis-place.ts'
import { FIXED_WINDOW, GIVE_BACK_FIXED, GIVE_BACK_SLIDING, SLIDING_WINDOW } from './redis-scripts.ts'
import type { Verdict, WindowReply } from './redis-window.ts'

type Waiter = (verdict: Verdict | undefined) => void

/** Keys of which a worker has shares. More are counted as if each of their requests were the first: 10,000 are some 3 MB. */
const MAX_SHARES = 10_000

/** A share is given back when it is at least so long until its window ends: less is not worth a call, and might come too late. */
const MIN_GIVE_BACK_MS = 100

/** More is asked for when what is left lasts for twice as long as Redis takes to answer, and this. */
const SPARE_MS = 5

/** How much the newest answer says about how long Redis takes. */
const NEWEST = 0.2

/**
 * Windows in Redis, of which each worker takes shares ahead of its requests: for about `aheadMs` of them, and never more than an eighth of what is
 * left. Redis has counted a share before a request gets a part of it, so that never more than the limit passes, and a request waits for
 * Redis when there is no share yet, or the limit is nearly reached. A share that is not used is given back.
 */
export class LeasedWindow {
  readonly isSliding: boolean
  readonly aheadMs: number
  /** How long Redis takes to answer. */
  answerMs = 1

  private readonly link: RedisLink
  private readonly prefix: string
  private readonly shares = new Map<string, Share>()
  private timer: NodeJS.Timeout | undefined

  constructor(link: RedisLink, prefix: string, isSliding: boolean, aheadMs: number) {
    this.link = link
    this.prefix = prefix
    this.isSliding = isSliding
    this.aheadMs = aheadMs
  }

  /** As `RedisWindow.take`; `remaining` is what Redis said last, and what this worker has of it. */
  take(key: string, limit: number, windowMs: number): Verdict | Promise<Verdict | undefined> {
    // By its name in Redis, which is short: clients choose keys.
    const name = keyName(this.prefix, key)
    const id = `${limit} ${windowMs} ${name}`
    let share = this.shares.get(id)
    if (share === undefined) {
      share = new Share(this, ownText(name), limit, windowMs)
      if (this.shares.size < MAX_SHARES) this.shares.set(ownText(id), share)
      this.timer ??= setInterval(this.tidy, Math.max(50, this.aheadMs)).unref()
    }
    return share.take(performance.now())
  }

  send(call: RedisCall): void {
    this.link.send(call)
  }

  answered(tookMs: number): void {
    this.answerMs += NEWEST * (tookMs - this.answerMs)
  }

  /** Gives all shares back. */
  dispose(): void {
    clearInterval(this.timer)
    const nowMs = performance.now()
    for (const share of this.shares.values()) share.giveBack(nowMs)
    this.shares.clear()
  }

  private readonly tidy = (): void => {
    const nowMs = performance.now()
    for (const [id, share] of this.shares) {
      if (!share.isIdle()) continue
      share.giveBack(nowMs)
      if (share.isForgettable(nowMs)) this.shares.delete(id)
    }
    if (this.shares.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }
}

/** What a worker has of the window of one key. */
class Share implements RedisCall {
  readonly script: RedisScript
  readonly key: string
  private readonly window: LeasedWindow
  private readonly limit: number
  private readonly windowMs: number
  /** Requests that may pass without asking, until `endsAtMs`. */
  private tokens = 0
  /** What was left for all when Redis was asked last. */
  private left = 0
  /** When the window ends at the earliest, reckoned from when Redis was asked, and at the latest, from when it had answered. */
  private endsAtMs = 0
  private endsLatestMs = 0
  /** Nothing is left for all until then, as far as is known. */
  private refusedUntilMs = 0
  private passesAtMs = 0
  private waiters: Waiter[] = []
  private asked: Waiter[] = []
  private isAsking = false
  private sentAtMs = 0
  /** Requests a millisecond, and what it is reckoned from. */
  private rate = 0
  private taken = 0
  private countedFromMs = performance.now()
  private wasUsed = true

  constructor(window: LeasedWindow, key: string, limit: number, windowMs: number) {
    this.window = window
    this.script = window.isSliding ? SLIDING_WINDOW : FIXED_WINDOW
    this.key = key
    this.limit = limit
    this.windowMs = windowMs
  }

  take(nowMs: number): Verdict | Promise<Verdict | undefined> {
    this.taken++
    this.wasUsed = true
    if (nowMs >= this.endsAtMs) this.tokens = 0
    if (this.tokens > 0) {
      this.tokens--
      const isLow = this.tokens < this.rate * (2 * this.window.answerMs + SPARE_MS)
      if (isLow && !this.isAsking && nowMs >= this.refusedUntilMs) this.ask()
      return { remaining: this.left + this.tokens, resetMs: this.endsAtMs - nowMs }
    }
    if (nowMs < this.refusedUntilMs) return { remaining: -1, resetMs: this.passesAtMs - nowMs }
    return new Promise((resolve) => {
      this.waiters.push(resolve)
      if (!this.isAsking) this.ask()
    })
  }

  arguments(): ScriptArguments {
    const nowMs = performance.now()
    this.sentAtMs = nowMs
    this.asked = this.waiters
    this.waiters = []
    const elapsedMs = nowMs - this.countedFromMs
    // Over less than a few milliseconds requests come in heaps: that is no rate.
    if (elapsedMs >= SPARE_MS) {
      this.rate = this.taken / elapsedMs
      this.taken = 0
      this.countedFromMs = nowMs
    }
    const waiting = this.asked.length
    const wanted = waiting + Math.ceil(this.rate * Math.max(this.window.aheadMs, 2 * this.window.answerMs))
    return [waiting, Math.min(wanted, this.limit), this.limit, this.windowMs]
  }

  done(reply: unknown): void {
    this.isAsking = false
    const asked = this.asked.length > 0 ? this.asked : this.waiters
    if (asked === this.waiters) this.waiters = []
    this.asked = []
    if (reply === undefined) {
      for (const resolve of asked) resolve(undefined)
      if (this.waiters.length > 0) this.ask()
      return
    }
    const nowMs = performance.now()
    this.window.answered(nowMs - this.sentAtMs)
    const [granted, remaining, resetMs, retryMs] = reply as WindowReply
    const endsAtMs = this.sentAtMs + resetMs
    // What is left of a window that has ended meanwhile does not count in this one.
    if (nowMs >= this.endsAtMs) this.tokens = 0
    this.tokens += granted
    this.endsAtMs = endsAtMs
    this.endsLatestMs = nowMs + resetMs
    this.left = remaining
    if (granted < asked.length || (granted === 0 && remaining === 0)) {
      this.refusedUntilMs = this.sentAtMs + Math.min(retryMs, this.window.aheadMs)
      this.passesAtMs = this.sentAtMs + retryMs
    }
    for (const resolve of asked) {
      const passes = this.tokens > 0
      if (passes) this.tokens--
      resolve(passes ? { remaining: remaining + this.tokens, resetMs } : { remaining: -1, resetMs: retryMs })
    }
    if (this.waiters.length > 0) this.serveWaiters(nowMs)
  }

  /** Whether nobody came since this was asked last. */
  isIdle(): boolean {
    const isIdle = !this.wasUsed && !this.isAsking
    this.wasUsed = false
    return isIdle
  }

  isForgettable(nowMs: number): boolean {
    return this.tokens === 0 && nowMs >= this.refusedUntilMs
  }

  giveBack(nowMs: number): void {
    const { tokens, key, window, windowMs } = this
    const leftMs = this.endsAtMs - nowMs
    this.tokens = 0
    this.rate = 0
    if (tokens === 0 || leftMs < MIN_GIVE_BACK_MS) return
    // Redis may see more left than the earliest end says; of the next window there is more than the latest says.
    const argumentsOf = [tokens, Math.ceil(this.endsLatestMs - nowMs), windowMs]
    window.send({
      script: window.isSliding ? GIVE_BACK_SLIDING : GIVE_BACK_FIXED,
      key,
      arguments: () => argumentsOf,
      done: () => undefined,
    })
  }

  /** Who came while Redis was asked gets of what it gave, and the others are asked for. */
  private serveWaiters(nowMs: number): void {
    const { waiters } = this
    let served = 0
    while (served < waiters.length && this.tokens > 0) {
      this.tokens--
      waiters[served++]({ remaining: this.left + this.tokens, resetMs: this.endsAtMs - nowMs })
    }
    this.waiters = waiters.slice(served)
    if (this.waiters.length > 0) this.ask()
  }

  private ask(): void {
    this.isAsking = true
    this.window.send(this)
  }
}
