/**
 * What others publish about themselves: another machine, other functions and other ways to measure, so no more than an order of magnitude.
 * @type {readonly { who: string, cold: string, warm: string, source: string }[]}
 */
export const PEERS = [
  { who: 'AWS Lambda, Rust', cold: '15 ms', warm: '-', source: 'init durations at 1 GB, August 2026' },
  { who: 'AWS Lambda, Node.js 22', cold: '140 ms', warm: '-', source: 'the same' },
  { who: 'LocalStack', cold: '760 ms', warm: 'at least 17 ms', source: 'median, minimum' },
  { who: 'SAM local', cold: '-', warm: 'about 1 s', source: 'reports of its users' },
]

/** What `docs/benchmarks.md` promises. */
export const TARGETS = {
  rustColdMs: 10,
  nodeColdMs: 60,
  addedMs: 0.3,
  rustPerSecond: 8_000,
  nodePerSecond: 4_000,
  /** Of one core. */
  idleCpu: 0.005,
}
