import type { Slowness } from '../fault-link.ts'

export const between = (next: () => number, from: number, to: number): number => from + next() * (to - from)
export const oneOf = <T>(next: () => number, all: readonly T[]): T => all[Math.floor(next() * all.length)] as T

export function slownessFrom(next: () => number): Partial<Slowness> {
  const kind = next()
  if (kind < 0.35) return { delayMs: Math.floor(between(next, 20, 300)) }
  if (kind < 0.6) return { bytesPerSecond: Math.floor(between(next, 100_000, 1_000_000)) }
  if (kind < 0.8) return { pieceBytes: Math.floor(between(next, 100, 3_000)) }
  return { delayMs: Math.floor(between(next, 5, 60)), pieceBytes: Math.floor(between(next, 800, 8_000)) }
}
