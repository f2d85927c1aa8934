import { isDeepStrictEqual } from 'node:util'
import { pointerPart } from '../config/problem.ts'
import { SECRET_MASK, type SecretRule } from '../config/secret-fields.ts'
import type { Document } from './control-plane.ts'

/**
 * A document in which each mask that came back, as it was shown once, is the secret again that stands there. A mask in an item of a list is
 * that of the item which is the same otherwise, wherever it stands; or, where one was changed, of the item in its place.
 */
export function restoreMasked(value: Document, before: Document | undefined): Document {
  return before === undefined ? value : (restored(value, before) as Document)
}

/**
 * Where a mask is left in the place of a secret: there was nothing that it stood for.
 * @returns pointers, as `/plugins/csrf/key`
 */
export function masksLeft(value: unknown, isSecret: SecretRule, path: readonly string[] = [], at = ''): string[] {
  if (value === SECRET_MASK) return isSecret(path) ? [at] : []
  if (value === null || typeof value !== 'object') return []
  // Lists have no name of their own in a path.
  return Object.entries(value).flatMap(([name, part]) =>
    masksLeft(part, isSecret, Array.isArray(value) ? path : [...path, name], `${at}/${pointerPart(name)}`),
  )
}

/** The value itself where nothing within is a mask. */
function restored(value: unknown, before: unknown): unknown {
  if (value === SECRET_MASK) return before ?? value
  if (value === null || typeof value !== 'object' || before === null || typeof before !== 'object') return value
  if (Array.isArray(value)) return Array.isArray(before) ? restoredItems(value, before) : value
  let copy: Record<string, unknown> | undefined
  for (const [name, part] of Object.entries(value)) {
    const one = Object.hasOwn(before, name) ? restored(part, (before as Record<string, unknown>)[name]) : part
    if (one !== part) (copy ??= { ...value })[name] = one
  }
  return copy ?? value
}

function restoredItems(value: unknown[], before: unknown[]): unknown[] {
  const items = value.map((item, index) => {
    if (!hasMask(item)) return item
    const [same, ...others] = before.filter((one) => isSameButSecret(item, one))
    if (same !== undefined && others.length === 0) return restored(item, same)
    // Of a list that became longer or shorter nobody can tell which is which.
    return value.length === before.length ? restored(item, before[index]) : item
  })
  return items.some((item, index) => item !== value[index]) ? items : value
}

const hasMask = (value: unknown): boolean =>
  value === SECRET_MASK || (value !== null && typeof value === 'object' && Object.values(value).some(hasMask))

/** Of texts alone nothing can be told: all of them are "***". */
const isSameButSecret = (item: unknown, one: unknown): boolean =>
  item !== SECRET_MASK && isDeepStrictEqual(restored(item, one), one)
