/** Numbers that are the same for the same seed (mulberry32). */
export class SeededRandom {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** In [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }
}

/** `SEKISHO_FUZZ_SEED` and `SEKISHO_FUZZ_RUNS` look further than the fixed runs do. */
export const fuzzSeed = (usual: number): number => Number(process.env['SEKISHO_FUZZ_SEED'] ?? usual)
export const fuzzRuns = (usual: number): number => Number(process.env['SEKISHO_FUZZ_RUNS'] ?? usual)
