import { pointerPart } from '../../config/problem.ts'
import { badRequest } from '../request/admin-error.ts'
import { type Fields, isObject } from '../request/read-body.ts'

/** PATCH of a resource (RFC 7396): objects are merged, `null` takes a field out, all else is replaced whole. */
export function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const [name, part] of Object.entries(patch)) {
    if (part === null) delete result[name]
    else result[name] = merged(Object.hasOwn(result, name) ? result[name] : undefined, part)
  }
  return result
}

/** PATCH of a part: the node at `path` becomes `value`, and objects on the way are made where there are none. `null` takes it out. */
export function replacedAt(target: Fields, path: readonly string[], value: unknown): Fields {
  return replaced(target, path, 0, value) as Fields
}

function replaced(target: unknown, path: readonly string[], at: number, value: unknown): unknown {
  const name = path[at]
  if (name === undefined) return value
  if (Array.isArray(target)) {
    const index = /^(0|[1-9][0-9]{0,5})$/.test(name) ? Number(name) : -1
    if (index < 0 || index >= target.length) throw wrongPath(path, at, `the list has ${target.length} items`)
    return target.with(index, replaced(target[index], path, at + 1, value))
  }
  if (target !== undefined && !isObject(target)) throw wrongPath(path, at - 1, 'what is there has no fields')
  if (name === '__proto__' || name === 'constructor' || name === 'prototype')
    throw wrongPath(path, at, 'a key of this name is not allowed')
  const result: Record<string, unknown> = { ...target }
  const part = replaced(Object.hasOwn(result, name) ? result[name] : undefined, path, at + 1, value)
  if (part === null) delete result[name]
  else result[name] = part
  return result
}

const wrongPath = (path: readonly string[], at: number, reason: string): Error =>
  badRequest(
    `invalid sub-path: ${path
      .slice(0, at + 1)
      .map((part) => `/${pointerPart(part)}`)
      .join('')}: ${reason}`,
  )
