/**
 * Steps of the checks for all expressions of one resource, together: a step takes some 100 nanoseconds, so this is for a second or two.
 * What people write takes some 5,000 an expression, the worst that has been found 5,000,000.
 */
export const MAX_RESOURCE_STEPS = 15_000_000

let taken = 0
let limit = Number.POSITIVE_INFINITY

/** Counted by what looks through an expression: the same for the same expression on every machine. */
export function spend(steps: number): void {
  taken += steps
}

export const stepsTaken = (): number => taken

export const isSpent = (): boolean => taken > limit

/** Runs the checks of one resource, which take no promise, with a budget of their own. */
export function withBudget<T>(check: () => T): T {
  const before = limit
  limit = taken + MAX_RESOURCE_STEPS
  try {
    return check()
  } finally {
    limit = before
  }
}
