import { isDeepStrictEqual } from 'node:util'
import type { PluginLookup } from '../../config/plugin-lookup.ts'
import { hasPassword, SECRET_MASK, secretRule, type SecretRule } from '../../config/secret-fields.ts'
import type { Document } from '../../control/control-plane.ts'
import type { ResourceKind } from '../../resources/kind-names.ts'

/** A document without its private keys, which are never shown; references to where they are stay. */
export function hidePrivateKeys(kind: ResourceKind, document: Document): Document {
  if (kind !== 'ssls') return document
  const { key, keys, ...rest } = document
  const shown = Array.isArray(keys) && keys.every(isReference)
  return { ...rest, ...(isReference(key) ? { key } : {}), ...(shown ? { keys } : {}) }
}

/** A document with `***` in place of each secret that is written in it; references (`$env://NAME`) say nothing and stay. */
export const maskSecrets = (kind: ResourceKind, document: Document, plugins: PluginLookup): Document =>
  masked(document, undefined, [], secretRule(kind, plugins)) as Document

/** Two states of a document, masked; a secret that differs is seen to differ. */
export function maskPair(
  kind: ResourceKind,
  before: Document | undefined,
  after: Document | undefined,
  plugins: PluginLookup,
): { before: unknown; after: unknown } {
  const isSecret = secretRule(kind, plugins)
  return {
    before: before === undefined ? null : masked(before, undefined, [], isSecret),
    after: after === undefined ? null : masked(after, before, [], isSecret),
  }
}

function masked(value: unknown, other: unknown, path: readonly string[], isSecret: SecretRule): unknown {
  if (typeof value === 'string') return hasPassword(value) ? SECRET_MASK : value
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value))
    return value.map((part, index) => masked(part, (other as unknown[] | undefined)?.[index], path, isSecret))
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => {
      const inside = [...path, name]
      const before = isObject(other) && Object.hasOwn(other, name) ? other[name] : undefined
      if (!isSecret(inside) || isReference(part)) return [name, masked(part, before, inside, isSecret)]
      return [name, before === undefined || isDeepStrictEqual(part, before) ? SECRET_MASK : `${SECRET_MASK} (changed)`]
    }),
  )
}

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object'

/** `$env://NAME`, `$secret://…`, `$file://…`, `{ file: PATH }`. */
const isReference = (value: unknown): boolean =>
  typeof value === 'string' ? /^\$[a-z]+:\/\//.test(value) : isObject(value) && typeof value['file'] === 'string'
