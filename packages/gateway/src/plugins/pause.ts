/** The longest time setTimeout takes, 24.8 days; with more it would fire at once. */
const MAX_MS = 2 ** 31 - 1

/** The same in seconds, for schemas. */
export const MAX_PAUSE_SECONDS = Math.floor(MAX_MS / 1_000)

/** What is less than a millisecond is not waited for: a timer would make it one. */
export const MIN_PAUSE_SECONDS = 0.001

/** Resolves after so many seconds. Does not keep a process alive that has nothing else to do. */
export function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.min(seconds * 1_000, MAX_MS)).unref()
  })
}
