/**
 * Values within a template: text, numbers, booleans, nothing, and what was decoded from a body: objects and lists. `null` of JSON is nothing.
 * They behave as in Lua: nothing and `false` alone are false, lists begin with 1, and what differs in type is never equal.
 */
export type LuaValue = unknown

/** Something that Lua cannot do with these values. */
export class LuaError extends Error {}

export const isTrue = (value: LuaValue): boolean => value !== undefined && value !== null && value !== false

export const isTable = (value: LuaValue): value is object => typeof value === 'object' && value !== null

export function typeOf(value: LuaValue): string {
  if (value === undefined || value === null) return 'nil'
  return typeof value === 'object' ? 'table' : typeof value
}

/** Only what a body says itself: nothing of JavaScript's own prototypes. */
export function member(of: LuaValue, key: LuaValue): LuaValue {
  if (!isTable(of)) {
    if (typeof of === 'string') return undefined
    throw new LuaError(`${typeOf(of)} has no "${shown(key)}"`)
  }
  if (Array.isArray(of)) return typeof key === 'number' && Number.isInteger(key) && key >= 1 ? of[key - 1] : undefined
  if (typeof key !== 'string' && typeof key !== 'number') return undefined
  return Object.hasOwn(of, key) ? (of as Record<string, unknown>)[key] : undefined
}

const shown = (key: LuaValue): string =>
  typeof key === 'string' || typeof key === 'number' ? String(key) : typeOf(key)

/** As text, in what leaves. */
export function textOf(value: LuaValue): string {
  if (typeof value === 'string') return value
  if (value === undefined || value === null) return ''
  if (typeof value === 'object') {
    // An element of XML with attributes, for which a namespace is enough: its text is meant.
    if (Object.hasOwn(value, '_attr')) return textOf(member(value, 1))
    const what = Array.isArray(value) ? 'a list' : 'an object'
    throw new LuaError(`${what} cannot be written as text; name a field of it, or use _escape_json`)
  }
  return String(value as number | boolean)
}

export function lengthOf(value: LuaValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  // An object has no list in it, save the text of an XML element beside its attributes.
  if (isTable(value)) return Object.hasOwn(value, 1) ? 1 : 0
  throw new LuaError(`${typeOf(value)} has no length`)
}

export const equal = (left: LuaValue, right: LuaValue): boolean => (left ?? undefined) === (right ?? undefined)

export function less(left: LuaValue, right: LuaValue): boolean {
  if (typeof left === 'number' && typeof right === 'number') return left < right
  if (typeof left === 'string' && typeof right === 'string') return left < right
  throw new LuaError(`${typeOf(left)} cannot be compared with ${typeOf(right)}; use tonumber`)
}

export function numberOf(value: LuaValue): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !/^\s*[-+]?(0[xX][0-9a-fA-F]+|(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)\s*$/.test(value))
    return undefined
  return Number(value)
}

const OPERATIONS: Readonly<Record<string, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left - Math.floor(left / right) * right,
  '^': (left, right) => left ** right,
}

export function calculate(operator: string, left: LuaValue, right: LuaValue): number {
  const [a, b] = [numberOf(left), numberOf(right)]
  if (a === undefined || b === undefined)
    throw new LuaError(`${typeOf(a === undefined ? left : right)} is no number to calculate with`)
  return OPERATIONS[operator](a, b)
}
