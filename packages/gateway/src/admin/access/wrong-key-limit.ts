/** Wrong keys in a row that a person may well type; after them, one more every three seconds. */
const BURST = 20
const REFILL_MS = 3_000

/** Addresses that are remembered. */
const MAX_ADDRESSES = 1_024

interface Bucket {
  tokens: number
  at: number
}

/** Slows down who tries keys out: a bucket of tries for each address. */
export class WrongKeyLimit {
  private readonly buckets = new Map<string, Bucket>()
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  /** Seconds to wait before this address may try again; 0: none. */
  wait(address: string): number {
    const bucket = this.buckets.get(address)
    if (bucket === undefined) return 0
    const tokens = this.refilled(bucket)
    return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * REFILL_MS) / 1_000)
  }

  /** This address gave a wrong key. */
  failed(address: string): void {
    const bucket = this.buckets.get(address)
    const tokens = bucket === undefined ? BURST : this.refilled(bucket)
    // Put at the end: the one that was quiet for longest is forgotten first.
    this.buckets.delete(address)
    this.buckets.set(address, { tokens: tokens - 1, at: this.now() })
    if (this.buckets.size > MAX_ADDRESSES) this.buckets.delete(this.buckets.keys().next().value!)
  }

  private refilled({ tokens, at }: Bucket): number {
    return Math.min(BURST, tokens + (this.now() - at) / REFILL_MS)
  }
}
