/** What functions cost, for the estimate. */
export interface Prices {
  /** `USD` */
  readonly currency: string
  readonly perGbSecond: number
  readonly perRequest: number
}

/** AWS's published price for x86 in us-east-1, first tier, without the free one. */
export const PUBLISHED_PRICES: Prices = { currency: 'USD', perGbSecond: 0.000_016_666_7, perRequest: 0.000_000_2 }

/** @param billedMbMs billed milliseconds times MB of memory */
export const estimateCost = (prices: Prices, requests: number, billedMbMs: number): number =>
  requests * prices.perRequest + (billedMbMs / (1024 * 1000)) * prices.perGbSecond
