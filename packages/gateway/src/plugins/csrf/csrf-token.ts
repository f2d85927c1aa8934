import { createHmac, createSecretKey, type KeyObject, randomFillSync, timingSafeEqual } from 'node:crypto'

/** Random bytes, the second at which it ends (0: never), and the first half of a SHA-256 HMAC of both. */
const RANDOM = 16
const TIME = 6
const MAC = 16
const LENGTH = RANDOM + TIME + MAC

/** 38 bytes in base64url. */
const FORM = /^[A-Za-z0-9_-]{51}$/

/** Random bytes for the next tokens: a call for each would take longer than all the rest. */
const pool = Buffer.alloc(256 * RANDOM)
let taken = pool.length

/**
 * Tokens that nobody can make without the key: who can only set a cookie for a victim (from a host beside ours) has none that fits. They hold no
 * data of the user.
 */
export class CsrfTokens {
  private readonly key: KeyObject
  private readonly lifetimeSeconds: number

  /** @param lifetimeSeconds 0: for ever */
  constructor(key: string, lifetimeSeconds: number) {
    this.key = createSecretKey(Buffer.from(key))
    this.lifetimeSeconds = lifetimeSeconds
  }

  make(now: number): string {
    const bytes = Buffer.allocUnsafe(LENGTH)
    if (taken === pool.length) {
      randomFillSync(pool)
      taken = 0
    }
    taken += pool.copy(bytes, 0, taken, taken + RANDOM)
    const end = this.lifetimeSeconds === 0 ? 0 : Math.floor(now / 1_000) + this.lifetimeSeconds
    bytes.writeUIntBE(end, RANDOM, TIME)
    this.mac(bytes).copy(bytes, RANDOM + TIME, 0, MAC)
    return bytes.toString('base64url')
  }

  /** Seconds that a token is still good for, Infinity for ever; 0 for one that is none, or over. */
  secondsLeft(token: string, now: number): number {
    if (!FORM.test(token)) return 0
    const bytes = Buffer.from(token, 'base64url')
    if (!timingSafeEqual(bytes.subarray(RANDOM + TIME), this.mac(bytes).subarray(0, MAC))) return 0
    const end = bytes.readUIntBE(RANDOM, TIME)
    return end === 0 ? Infinity : Math.max(0, end - now / 1_000)
  }

  private mac(bytes: Buffer): Buffer {
    return createHmac('sha256', this.key)
      .update(bytes.subarray(0, RANDOM + TIME))
      .digest()
  }
}
