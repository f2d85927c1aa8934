import type { RedisCall, RedisLink, RedisScript, ScriptArguments } from '../../redis/index.ts'
import { ownText } from '../own-text.ts'
import { keyName } from './redis-place.ts'
import { FIXED_WINDOW, SLIDING_WINDOW } from './redis-scripts.ts'

/** What a limit says of a request. */
export interface Verdict {
  /** What remains; -1: it does not fit. */
  readonly remaining: number
  /** Milliseconds until the window ends, or until a request that was refused would pass. */
  readonly resetMs: number
}

/** undefined: it could not be counted. */
type Waiter = (verdict: Verdict | undefined) => void

/** The reply of the scripts of windows. */
export type WindowReply = readonly [granted: number, remaining: number, resetMs: number, retryMs: number]

/** A key that has nothing left is not asked for again in this time, or until its window ends: a flood costs Redis a call a second. */
const REFUSE_MS = 1_000

/** Keys that are known to have nothing left. Beyond it all are forgotten, which costs a call each. */
const MAX_REFUSED = 10_000

/** A key that has nothing left: what clients are told stays true when we ask again earlier. */
interface Refusal {
  readonly askAtMs: number
  readonly passesAtMs: number
}

/** PX takes no more; 31,000 years. */
const MAX_WINDOW_MS = 1e15

/**
 * Windows in Redis, asked for each request: exact over all nodes. The requests of a turn that count on the same key are one call.
 */
export class RedisWindow {
  private readonly link: RedisLink
  private readonly prefix: string
  private readonly script: RedisScript
  /** Calls of this turn, which can still take more requests. */
  private readonly open = new Map<string, WindowCall>()
  private readonly refused = new Map<string, Refusal>()

  constructor(link: RedisLink, prefix: string, isSliding: boolean) {
    this.link = link
    this.prefix = prefix
    this.script = isSliding ? SLIDING_WINDOW : FIXED_WINDOW
  }

  /** One request. Its promise resolves within the time limit of Redis; undefined: it could not be counted. */
  take(key: string, limit: number, windowMs: number): Verdict | Promise<Verdict | undefined> {
    // By its name in Redis, which is short: clients choose keys, and what was refused is remembered.
    const name = keyName(this.prefix, key)
    const id = `${limit} ${windowMs} ${name}`
    if (this.refused.size > 0) {
      const leftMs = this.refusedForMs(id)
      if (leftMs > 0) return { remaining: -1, resetMs: leftMs }
    }
    const { open } = this
    return new Promise((resolve) => {
      const call = open.get(id)
      if (call !== undefined) {
        call.waiters.push(resolve)
        return
      }
      const made = new WindowCall(this, this.script, name, id, limit, Math.min(windowMs, MAX_WINDOW_MS))
      made.waiters.push(resolve)
      open.set(id, made)
      this.link.send(made)
    })
  }

  /** The call leaves: who comes now is in the next one. */
  seal(call: WindowCall): void {
    if (this.open.get(call.id) === call) this.open.delete(call.id)
  }

  /** The true end of a window is a little later: Redis reckoned after the call was sent. */
  refuse(id: string, sentAtMs: number, retryMs: number): void {
    if (this.refused.size >= MAX_REFUSED) this.refused.clear()
    this.refused.set(ownText(id), { askAtMs: sentAtMs + Math.min(retryMs, REFUSE_MS), passesAtMs: sentAtMs + retryMs })
  }

  private refusedForMs(id: string): number {
    const refusal = this.refused.get(id)
    if (refusal === undefined) return 0
    const nowMs = performance.now()
    if (refusal.askAtMs > nowMs) return refusal.passesAtMs - nowMs
    this.refused.delete(id)
    return 0
  }
}

class WindowCall implements RedisCall {
  readonly waiters: Waiter[] = []
  readonly script: RedisScript
  readonly key: string
  readonly id: string
  private readonly window: RedisWindow
  private readonly limit: number
  private readonly windowMs: number
  private sentAtMs = 0

  constructor(window: RedisWindow, script: RedisScript, key: string, id: string, limit: number, windowMs: number) {
    this.window = window
    this.script = script
    this.key = key
    this.id = id
    this.limit = limit
    this.windowMs = windowMs
  }

  arguments(): ScriptArguments {
    this.window.seal(this)
    this.sentAtMs = performance.now()
    const wanted = this.waiters.length
    return [wanted, wanted, this.limit, this.windowMs]
  }

  done(reply: unknown): void {
    this.window.seal(this)
    if (reply === undefined) {
      for (const resolve of this.waiters) resolve(undefined)
      return
    }
    const [granted, remaining, resetMs, retryMs] = reply as WindowReply
    const { waiters } = this
    if (granted < waiters.length) this.window.refuse(this.id, this.sentAtMs, retryMs)
    for (let at = 0; at < waiters.length; at++) {
      const passes = at < granted
      waiters[at](passes ? { remaining: remaining + granted - 1 - at, resetMs } : { remaining: -1, resetMs: retryMs })
    }
  }
}
