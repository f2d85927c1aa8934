import { createLocalJWKSet, errors, type JSONWebKeySet } from 'jose'
import { type ServiceClient, ServiceFailure } from '../../side-calls/index.ts'

/** Keys of one issuer: two or three are usual. */
const MAX_KEYS = 100
/** Keys that cannot be read anew are used for so long beyond their time; then no token is let in. */
export const MAX_STALE_MS = 3_600_000
/** An unknown key id has them read anew, but not more often: strangers choose what their tokens say. */
export const COOLDOWN_MS = 10_000

type KeySet = ReturnType<typeof createLocalJWKSet>

/** The keys cannot be had: nobody can say whether a token is right. */
export class KeysUnavailable extends Error {}

/**
 * The public keys of an issuer (RFC 7517), read from its URL when the first token comes. They are read anew in the background when their time
 * is over, and at once for a token that names a key that is not among them.
 */
export class RemoteKeys {
  private readonly url: string
  private readonly client: ServiceClient
  private readonly ttlMs: number
  private keys: KeySet | undefined
  private text = ''
  private readAt = -Infinity
  private triedAt = -Infinity
  private reading: Promise<void> | undefined
  private changes = 0

  constructor(url: string, client: ServiceClient, ttlMs: number) {
    this.url = url
    this.client = client
    this.ttlMs = ttlMs
  }

  /** Changes with the keys; undefined: those that are known may not be used any more. */
  generation(now: number): number | undefined {
    if (now - this.readAt > this.ttlMs) this.refresh(now)
    return this.usable(now) ? this.changes : undefined
  }

  /**
   * The keys to check a token with.
   * @throws KeysUnavailable
   */
  async current(now: number): Promise<KeySet> {
    if (!this.usable(now)) {
      this.refresh(now)
      await this.reading
    } else this.generation(now)
    if (this.keys === undefined || !this.usable(now)) throw new KeysUnavailable()
    return this.keys
  }

  /** The keys after another reading, for a token whose key was not there; undefined: they were read moments ago. */
  async renewed(now: number): Promise<KeySet | undefined> {
    const before = this.changes
    this.refresh(now)
    await this.reading
    return this.changes === before ? undefined : this.keys
  }

  private usable(now: number): boolean {
    return now - this.readAt <= this.ttlMs + MAX_STALE_MS
  }

  private refresh(now: number): void {
    if (this.reading !== undefined || now - this.triedAt < COOLDOWN_MS) return
    this.triedAt = now
    this.reading = this.read(now).finally(() => (this.reading = undefined))
  }

  /** Never rejects: the client counted and logged what went wrong. */
  private async read(now: number): Promise<void> {
    try {
      const { status, text } = await this.client.call(this.url, { headers: { Accept: 'application/json' } })
      if (status !== 200) throw this.client.refused(this.url, `the keys were answered with status ${status}`)
      const keys = text === this.text ? this.keys : keySet(text)
      if (typeof keys !== 'function') throw this.client.refused(this.url, keys ?? 'there are no keys')
      if (text !== this.text) this.changes++
      this.keys = keys
      this.text = text
      this.readAt = now
    } catch (error) {
      if (!(error instanceof ServiceFailure)) this.client.refused(this.url, String(error))
    }
  }
}

/** The keys in a text, or why there are none. */
function keySet(text: string): KeySet | string {
  try {
    const { keys } = JSON.parse(text) as JSONWebKeySet
    if (!Array.isArray(keys)) return 'what was answered is no key set: "keys" is missing'
    if (keys.length > MAX_KEYS) return `there are ${keys.length} keys, and ${MAX_KEYS} are read at most`
    // A secret among public keys would let whoever reads them sign.
    return createLocalJWKSet({ keys: keys.filter(({ kty }) => kty !== 'oct') })
  } catch (error) {
    return error instanceof errors.JOSEError ? error.message : 'what was answered is no JSON'
  }
}
