/** Monotonic milliseconds; tests put their own in its place. */
export interface Clock {
  now(): number
}

export const monotonicClock: Clock = { now: () => performance.now() }
