import type { Headers } from '@sekisho/wire'
import { decodeFormText } from '../form-fields.ts'
import { fieldValue } from '../rewriting/header-fields.ts'
import { encodeQueryValue } from '../rewriting/uri-encoding.ts'
import type { CompiledRule, MaskChange } from './mask-change.ts'

/** Masks fields in place; undefined without rules. */
export function headerMasks(rules: readonly CompiledRule[]): ((headers: Headers) => void) | undefined {
  if (rules.length === 0) return undefined
  const named = rules.map(({ name, change }) => ({ name: name.toLowerCase(), change }))
  return (headers) => {
    for (const { name, change } of named) {
      if (!headers.has(name)) continue
      const values = headers
        .getAll(name)
        .map(change)
        .filter((value) => value !== undefined)
      if (values.length === 0) headers.delete(name)
      else headers.set(name, values.map(fieldValue))
    }
  }
}

/** Gives a request target without what its query must not show; undefined without rules. */
export function queryMasks(rules: readonly CompiledRule[]): ((target: string) => string) | undefined {
  if (rules.length === 0) return undefined
  return (target) => {
    const at = target.indexOf('?')
    if (at < 0) return target
    const query = target.slice(at + 1)
    const masked = maskedPairs(query, rules)
    if (masked === query) return target
    return masked === '' ? target.slice(0, at) : target.slice(0, at + 1) + masked
  }
}

/** Of a query or form: what no rule names stays as it was written. */
export function maskedPairs(text: string, rules: readonly CompiledRule[]): string {
  let pairs = text.split('&')
  for (const { name, change } of rules) pairs = pairs.flatMap((pair) => maskedPair(pair, name, change))
  return pairs.join('&')
}

function maskedPair(pair: string, name: string, change: MaskChange): string | string[] {
  const equals = pair.indexOf('=')
  const written = equals < 0 ? pair : pair.slice(0, equals)
  if (written !== name && decodeFormText(written) !== name) return pair
  const value = change(equals < 0 ? '' : decodeFormText(pair.slice(equals + 1)))
  if (value === undefined) return []
  return equals < 0 && value === '' ? pair : `${written}=${encodeQueryValue(value)}`
}
