import { SECRET_MASK } from '../config/secret-fields.ts'
import type { Document } from './control-plane.ts'

/** A document in which each mask that came back, as it was shown once, is the secret again that stands there. */
export function restoreMasked(value: Document, before: Document | undefined): Document {
  return before === undefined ? value : (restored(value, before) as Document)
}

/** The value itself where nothing within is a mask. */
function restored(value: unknown, before: unknown): unknown {
  if (value === SECRET_MASK) return before ?? value
  if (value === null || typeof value !== 'object' || before === null || typeof before !== 'object') return value
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) => restored(item, (before as unknown[])[index]))
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  let copy: Record<string, unknown> | undefined
  for (const [name, part] of Object.entries(value)) {
    const one = Object.hasOwn(before, name) ? restored(part, (before as Record<string, unknown>)[name]) : part
    if (one !== part) (copy ??= { ...value })[name] = one
  }
  return copy ?? value
}
