import { createHmac, randomBytes } from 'node:crypto'

/** Callers at a time, per place and worker. */
const MAX_ENTRIES = 10_000

/**
 * Credentials that were right a moment ago. Kept are keyed digests, by a key of this process: neither a password nor what would help to guess one
 * stands in memory longer than a request.
 */
export class KnownCredentials {
  private readonly key = randomBytes(32)
  /** The time until which they hold, by digest. */
  private readonly until = new Map<string, number>()
  private readonly ttlMs: number
  private readonly now: () => number

  /** @param ttlMs 0: nothing is kept */
  constructor(ttlMs: number, now: () => number = () => performance.now()) {
    this.ttlMs = ttlMs
    this.now = now
  }

  has(name: string, password: string): boolean {
    if (this.ttlMs === 0) return false
    const digest = this.digest(name, password)
    const until = this.until.get(digest)
    if (until === undefined) return false
    if (until > this.now()) return true
    this.until.delete(digest)
    return false
  }

  add(name: string, password: string): void {
    if (this.ttlMs === 0) return
    if (this.until.size >= MAX_ENTRIES) this.until.delete(this.until.keys().next().value as string)
    this.until.set(this.digest(name, password), this.now() + this.ttlMs)
  }

  private digest(name: string, password: string): string {
    // Neither may have a control character, so the two are told apart.
    return createHmac('sha256', this.key).update(`${name}\0${password}`).digest('base64')
  }
}
