import type { Backend } from './backend.ts'
import { CRC32_START, crc32End, crc32Text } from './crc32.ts'

/** Envoy's: a level keeps all of its traffic while 72% of its nodes are healthy (100 / 1.4). */
export const DEFAULT_OVERPROVISIONING = 140

/**
 * How traffic is shared among levels, the first preferred: each takes the percentage of its nodes that is healthy, times the
 * overprovisioning factor, at most 100%, of what the levels before it left. When that is less than 100% in all, they share by it.
 * Envoy's priority levels: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority
 */
export class SpillOver {
  /** Level i takes what lies below upTo[i], and not below upTo[i - 1]. */
  readonly #upTo: Float64Array
  readonly #factor: number
  readonly #random: () => number

  /** @param percent 140: one and a half times (almost) as many nodes as are needed */
  constructor(levels: readonly (readonly Backend[])[], percent: number, random: () => number) {
    this.#upTo = new Float64Array(levels.length)
    this.#factor = percent / 100
    this.#random = random
    this.settle(levels)
  }

  /** Again when the health of a node changed. */
  settle(levels: readonly (readonly Backend[])[]): void {
    const upTo = this.#upTo
    let sum = 0
    for (const [index, nodes] of levels.entries()) {
      const healthy = nodes.filter((node) => node.healthy).length
      sum = Math.min(1, sum + (this.#factor * healthy) / nodes.length)
      upTo[index] = sum
    }
    // None is healthy: it is the first level's traffic.
    for (let index = 0; index < upTo.length; index++) upTo[index] = sum === 0 ? 1 : upTo[index] / sum
  }

  /** Which level takes the request. Of the same key it is the same, while the health of nodes is. */
  level(key: string): number {
    const upTo = this.#upTo
    if (upTo[0] >= 1) return 0
    const point = key === '' ? this.#random() : pointOf(key)
    let level = 0
    while (level < upTo.length - 1 && point >= upTo[level]) level++
    return level
  }
}

/** 0 up to but without 1. Mixed: the ring goes by the same checksum, and a level would see a part of it only. */
const pointOf = (key: string): number => (Math.imul(crc32End(crc32Text(CRC32_START, key)), 0x9e3779b1) >>> 0) / 2 ** 32
