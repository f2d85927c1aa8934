import {
  EJECTED,
  OUTLIER_5XX,
  OUTLIER_ASKED,
  OUTLIER_GATEWAY,
  OUTLIER_LOCAL,
  VOLUME_FAILURES,
  VOLUME_REQUESTS,
} from './health-words.ts'
import type { NodeHealth } from './node-health.ts'
import type { OutlierReason, OutlierSettings } from './outlier-settings.ts'

/** A node was ejected. */
export interface Ejection {
  readonly address: string
  readonly reason: OutlierReason
  /** For people: what was counted. */
  readonly evidence: string
  readonly durationMs: number
}

/** What is known of the ejections of a node. */
interface Record {
  /** In a row; it goes down by one with each interval that the node is in use. */
  times: number
  /** 0 = it is in use. */
  untilMs: number
}

export interface OutlierSweep {
  readonly ejected: readonly Ejection[]
  readonly returned: readonly string[]
}

interface Volume {
  readonly address: string
  readonly requests: number
  /** 0 to 1. */
  readonly rate: number
}

/** The side of outlier detection that decides: one for an upstream, in one thread. Times are of a clock that the caller reads. */
export class OutlierDetector {
  private readonly settings: OutlierSettings
  private nodes: ReadonlyMap<string, NodeHealth> = new Map()
  private readonly records = new Map<string, Record>()

  constructor(settings: OutlierSettings) {
    this.settings = settings
  }

  /** Nodes that stay keep their ejections. */
  setNodes(nodes: ReadonlyMap<string, NodeHealth>): void {
    this.nodes = nodes
    for (const address of this.records.keys()) if (!nodes.has(address)) this.records.delete(address)
  }

  get ejectedCount(): number {
    let count = 0
    for (const { untilMs } of this.records.values()) if (untilMs > 0) count++
    return count
  }

  /** A row of a node is full (see OutlierCounts). Undefined: it stays, because enough others are out, or it is gone. */
  full(address: string, reason: OutlierReason, nowMs: number): Ejection | undefined {
    const counts: Partial<{ [reason in OutlierReason]: number }> = {
      consecutive_5xx: this.settings.consecutive5xx,
      consecutive_gateway_failure: this.settings.consecutiveGatewayFailure,
      consecutive_local_origin_failure: this.settings.consecutiveLocalOriginFailure,
    }
    return this.eject(address, reason, `${counts[reason] ?? 0} in a row`, nowMs)
  }

  /** The end of an interval: looks at the rates, lets those back in whose time is over. */
  sweep(nowMs: number): OutlierSweep {
    const returned: string[] = []
    for (const [address, node] of this.nodes) {
      const record = this.records.get(address)
      if (record !== undefined && record.untilMs > 0) {
        if (record.untilMs > nowMs) continue
        record.untilMs = 0
        reset(node.words)
        Atomics.store(node.words, EJECTED, 0)
        returned.push(address)
      } else {
        if (record !== undefined && --record.times <= 0) this.records.delete(address)
        // It was left in because too many others were out: the next failure may ask again.
        Atomics.store(node.words, OUTLIER_ASKED, 0)
      }
    }
    return { ejected: this.byRates(nowMs), returned }
  }

  /** For the next process: addresses with how often they were ejected, and for how long from now. */
  state(nowMs: number): readonly (readonly [address: string, times: number, leftMs: number])[] {
    return [...this.records].map(([address, { times, untilMs }]) => [
      address,
      times,
      untilMs === 0 ? 0 : Math.max(1, untilMs - nowMs),
    ])
  }

  restore(state: ReturnType<OutlierDetector['state']>, nowMs: number): void {
    for (const [address, times, leftMs] of state) {
      const node = this.nodes.get(address)
      if (node === undefined) continue
      const { maxEjectionTimeMs } = this.settings
      this.records.set(address, { times, untilMs: leftMs === 0 ? 0 : nowMs + Math.min(leftMs, maxEjectionTimeMs) })
      if (leftMs > 0) Atomics.store(node.words, EJECTED, 1)
    }
  }

  private byRates(nowMs: number): readonly Ejection[] {
    const { successRate, failurePercentage } = this.settings
    if (successRate === undefined && failurePercentage === undefined) return []
    const volumes = [...this.nodes].map(([address, { words }]): Volume => {
      const requests = Atomics.exchange(words, VOLUME_REQUESTS, 0)
      const failures = Math.min(requests, Atomics.exchange(words, VOLUME_FAILURES, 0))
      return { address, requests, rate: requests === 0 ? 1 : (requests - failures) / requests }
    })
    const ejected: Ejection[] = []
    const eject = (reason: OutlierReason, { address, requests, rate }: Volume, than: string): void => {
      const evidence = `${percent(rate)} of ${requests} requests succeeded, ${than}`
      const ejection = this.eject(address, reason, evidence, nowMs)
      if (ejection !== undefined) ejected.push(ejection)
    }
    if (successRate !== undefined) {
      const { requestVolume, minimumHosts, stdevFactor } = successRate
      const counted = volumes.filter(({ requests }) => requests >= requestVolume)
      if (counted.length >= minimumHosts) {
        const threshold = lowerBound(
          counted.map(({ rate }) => rate),
          stdevFactor,
        )
        const than = `less than ${percent(threshold)}, which follows from all`
        for (const volume of counted) if (volume.rate < threshold) eject('success_rate', volume, than)
      }
    }
    if (failurePercentage !== undefined) {
      const { requestVolume, minimumHosts, threshold } = failurePercentage
      const counted = volumes.filter(({ requests }) => requests >= requestVolume)
      if (counted.length >= minimumHosts) {
        for (const volume of counted)
          if ((1 - volume.rate) * 100 >= threshold) eject('failure_percentage', volume, `${threshold}% may not fail`)
      }
    }
    return ejected
  }

  private eject(address: string, reason: OutlierReason, evidence: string, nowMs: number): Ejection | undefined {
    const node = this.nodes.get(address)
    if (node === undefined || node.ejected) return undefined
    const { maxEjectionPercent, baseEjectionTimeMs, maxEjectionTimeMs } = this.settings
    const out = this.ejectedCount
    // One may always go: ten percent of three nodes would be none.
    if (out > 0 && (out + 1) * 100 > maxEjectionPercent * this.nodes.size) return undefined
    if (maxEjectionPercent === 0) return undefined
    const times = (this.records.get(address)?.times ?? 0) + 1
    const durationMs = Math.min(baseEjectionTimeMs * times, Math.max(maxEjectionTimeMs, baseEjectionTimeMs))
    this.records.set(address, { times, untilMs: nowMs + durationMs })
    Atomics.store(node.words, EJECTED, 1)
    return { address, reason, evidence, durationMs }
  }
}

/** What is counted from now on says nothing of the time before. */
function reset(words: Int32Array): void {
  for (const word of [OUTLIER_5XX, OUTLIER_GATEWAY, OUTLIER_LOCAL, VOLUME_REQUESTS, VOLUME_FAILURES, OUTLIER_ASKED])
    Atomics.store(words, word, 0)
}

function lowerBound(rates: readonly number[], stdevFactor: number): number {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length
  return mean - Math.sqrt(variance) * stdevFactor
}

const percent = (rate: number): string => `${Math.round(rate * 1_000) / 10}%`
