import {
  EJECTED,
  OUTLIER_5XX,
  OUTLIER_ASKED,
  OUTLIER_GATEWAY,
  OUTLIER_LOCAL,
  VOLUME_FAILURES,
  VOLUME_REQUESTS,
} from './health-words.ts'
import type { OutlierReason, OutlierSettings } from './outlier-settings.ts'

/** The side of outlier detection that sees the requests: counts in shared memory, and says when a row is full. */
export class OutlierCounts {
  private readonly words: Int32Array
  private readonly settings: OutlierSettings
  private readonly volume: boolean
  private readonly splits: boolean

  constructor(words: Int32Array, settings: OutlierSettings) {
    this.words = words
    this.settings = settings
    this.volume = settings.successRate !== undefined || settings.failurePercentage !== undefined
    this.splits = settings.consecutiveLocalOriginFailure > 0
  }

  /**
   * An answer.
   * @returns why the node is to be ejected: to one thread, once, until that was decided
   */
  status(status: number): OutlierReason | undefined {
    const { words } = this
    if (this.volume) Atomics.add(words, VOLUME_REQUESTS, 1)
    clear(words, OUTLIER_LOCAL)
    if (status < 500) {
      clear(words, OUTLIER_5XX)
      clear(words, OUTLIER_GATEWAY)
      return undefined
    }
    if (this.volume) Atomics.add(words, VOLUME_FAILURES, 1)
    return this.external(status >= 502 && status <= 504)
  }

  /** There was no connection, or none that lasted until the answer. Returns as `status`. */
  localFailure(): OutlierReason | undefined {
    const { words } = this
    if (this.volume) {
      Atomics.add(words, VOLUME_REQUESTS, 1)
      Atomics.add(words, VOLUME_FAILURES, 1)
    }
    if (!this.splits) return this.external(true)
    const { consecutiveLocalOriginFailure: limit } = this.settings
    return this.full(OUTLIER_LOCAL, limit) ? this.ask('consecutive_local_origin_failure') : undefined
  }

  private external(gateway: boolean): OutlierReason | undefined {
    const { consecutive5xx, consecutiveGatewayFailure } = this.settings
    if (!gateway) clear(this.words, OUTLIER_GATEWAY)
    const all = this.full(OUTLIER_5XX, consecutive5xx)
    const ofGateway = gateway && this.full(OUTLIER_GATEWAY, consecutiveGatewayFailure)
    if (all) return this.ask('consecutive_5xx')
    return ofGateway ? this.ask('consecutive_gateway_failure') : undefined
  }

  private full(word: number, limit: number): boolean {
    return limit > 0 && Atomics.add(this.words, word, 1) + 1 >= limit
  }

  private ask(reason: OutlierReason): OutlierReason | undefined {
    const { words } = this
    if (Atomics.load(words, EJECTED) === 1) return undefined
    return Atomics.compareExchange(words, OUTLIER_ASKED, 0, 1) === 0 ? reason : undefined
  }
}

function clear(words: Int32Array, word: number): void {
  if (Atomics.load(words, word) !== 0) Atomics.store(words, word, 0)
}
