/**
 * Values that a document may hold once its aliases are followed. 10,000 routes of 30 values are 300,000; ten lines of
 * aliases of aliases ("billion laughs") are 10^10.
 */
export const MAX_VALUES = 5_000_000

/**
 * Counts the values of a tree whose branches may be shared. Each shared branch is counted once and added as often as it
 * is used, so the count itself is cheap. Infinity when a value contains itself.
 */
export function countValues(value: unknown, counted = new Map<object, number>()): number {
  if (value === null || typeof value !== 'object') return 1
  const known = counted.get(value)
  if (known !== undefined) return known
  counted.set(value, Infinity)
  let count = 1
  for (const part of Object.values(value)) count += countValues(part, counted)
  counted.set(value, count)
  return count
}
