import type { Document } from '../admin-client/answers.ts'

/** One field that differs. A side that is undefined: the field is not there. */
export interface FieldDifference {
  /** Keys and numbers of items that lead to the field. */
  readonly path: readonly (string | number)[]
  readonly before: unknown
  readonly after: unknown
}

/** Set by the store, and no part of what anybody wrote. */
const TIMES = new Set(['create_time', 'update_time'])

/** A document without the times that the store keeps. */
export const withoutTimes = (document: Document): Document =>
  Object.fromEntries(Object.entries(document).filter(([name]) => !TIMES.has(name)))

/** The fields in which two documents differ, each as deep within them as it can be told. */
export function compare(before: Document, after: Document): FieldDifference[] {
  const differences: FieldDifference[] = []
  compareValues([], withoutTimes(before), withoutTimes(after), differences)
  return differences
}

function compareValues(
  path: readonly (string | number)[],
  before: unknown,
  after: unknown,
  differences: FieldDifference[],
): void {
  if (isFields(before) && isFields(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)]))
      compareValues([...path, name], before[name], after[name], differences)
  } else if (Array.isArray(before) && Array.isArray(after) && isListOfObjects(before, after)) {
    for (const [index, item] of before.entries()) compareValues([...path, index], item, after[index], differences)
  } else if (!isEqual(before, after)) {
    differences.push({ path, before, after })
  }
}

/** Items can be told apart by their number only when none came or went. */
const isListOfObjects = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && [...one, ...other].every(isFields)

const isFields = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The order of keys means nothing. */
function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, index) => isEqual(item, other[index]))
  if (!isFields(one) || !isFields(other)) return false
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isEqual(one[name], other[name]))
  )
}
