import type { InvocationFigures } from '../engine/invocation.ts'

/** How an invocation or an init ended, as logs say it. */
export type Outcome =
  | { readonly status: 'success' }
  | { readonly status: 'timeout' }
  /** The runtime broke: it exited, ran out of memory, could not be started, answered too much. */
  | { readonly status: 'error'; readonly errorType: string }
  /** The handler failed and said so (`/error`): not a matter for the REPORT line. */
  | { readonly status: 'failure'; readonly errorType: string }

export const SUCCESS: Outcome = { status: 'success' }
export const TIMEOUT: Outcome = { status: 'timeout' }

/** `Phase` of an INIT_REPORT line: `invoke` when init was done over inside the first invocation. */
export type InitPhase = 'init' | 'invoke'

/** What is billed for: whole milliseconds, and init since August 2025 for every kind of package (reference, Billing). */
export const billedMs = (durationMs: number, initMs: number | undefined): number =>
  Math.ceil(roundToHundredths(durationMs + (initMs ?? 0)))

// 1.0000000001 ms are 1.00 ms in the REPORT line and must not be billed as two.
const roundToHundredths = (ms: number): number => Math.round(ms * 100) / 100

/** Figures of an invocation that ended. */
export function figuresOf(
  durationMs: number,
  memoryMb: number,
  maxMemoryMb: number,
  initMs: number | undefined,
): InvocationFigures {
  return { durationMs, billedMs: billedMs(durationMs, initMs), memoryMb, maxMemoryMb, initMs }
}
