import { AddressError, CidrSet } from '../addresses/index.ts'
import { ExpressionError, quoted } from './expression-error.ts'
import { compileRegularExpression } from './regular-expression.ts'
import { toNumber } from './to-number.ts'

type Value = string | number | undefined

/** What an operator with its constant asks of a variable's value. */
export type Test = (value: Value) => boolean

/** Makes the test once, when the configuration changes; `pointer` is the constant's place. */
type Operator = (constant: unknown, pointer: string) => Test

const comparisons: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
}

function equal(constant: unknown, pointer: string): Test {
  if (constant === null) return (value) => value === undefined
  // A number turns the variable into one; any other constant is compared as text, as nginx's variables are text.
  if (typeof constant === 'number') return (value) => toNumber(value) === constant
  if (typeof constant === 'string')
    return (value) => value === constant || (typeof value === 'number' && String(value) === constant)
  const remedy = typeof constant === 'boolean' ? `write "${constant}"` : 'write text, a number or null'
  throw new ExpressionError(pointer, `${quoted(constant)} equals no variable; ${remedy}`)
}

function not(test: Test): Test {
  return (value) => !test(value)
}

function ordered(operator: string, constant: unknown, pointer: string): Test {
  const limit = typeof constant === 'string' || typeof constant === 'number' ? toNumber(constant) : Number.NaN
  if (Number.isNaN(limit))
    throw new ExpressionError(pointer, `${operator} compares numbers; ${quoted(constant)} is none`)
  const compare = comparisons[operator]
  // NaN, from a variable that is no number, compares as false with everything.
  return (value) => compare(toNumber(value), limit)
}

function matching(constant: unknown, pointer: string, ignoreCase: boolean): Test {
  if (typeof constant !== 'string' && typeof constant !== 'number') {
    throw new ExpressionError(pointer, `${quoted(constant)} is not text; write a regular expression`)
  }
  const expression = compileRegularExpression(String(constant), ignoreCase, pointer)
  return (value) => value !== undefined && expression.test(typeof value === 'number' ? String(value) : value)
}

function isMember(constant: unknown, pointer: string): Test {
  if (!Array.isArray(constant)) throw new ExpressionError(pointer, `"in" needs a list; write [${quoted(constant)}]`)
  const members = new Set<Value>()
  for (const [index, member] of constant.entries()) {
    if (typeof member !== 'string' && typeof member !== 'number') {
      throw new ExpressionError(`${pointer}/${index}`, `${quoted(member)} is neither text nor a number`)
    }
    members.add(member)
  }
  return (value) => members.has(value) || (typeof value === 'number' && members.has(String(value)))
}

function hasMember(constant: unknown, pointer: string): Test {
  if (typeof constant !== 'string' && typeof constant !== 'number') {
    throw new ExpressionError(pointer, `"has" looks for one member; ${quoted(constant)} is neither text nor a number`)
  }
  const member = String(constant)
  return (value) => value !== undefined && listHas(typeof value === 'number' ? String(value) : value, member)
}

/** Whether `member` is one of the comma-separated members of `list`; blanks around a member do not count. */
function listHas(list: string, member: string): boolean {
  if (list === member) return true
  for (let at = list.indexOf(member); at >= 0; at = list.indexOf(member, at + 1)) {
    if (endsMember(list, at - 1, -1) && endsMember(list, at + member.length, 1)) return true
  }
  return false
}

/** Whether going on from `at` there are only blanks up to a comma or the end of the list. */
function endsMember(list: string, at: number, step: 1 | -1): boolean {
  let code = list.charCodeAt(at)
  for (let next = at; code === 32 || code === 9; code = list.charCodeAt(next)) next += step
  return code === 44 || Number.isNaN(code)
}

function inNetworks(constant: unknown, pointer: string): Test {
  const list: unknown[] = Array.isArray(constant) ? constant : [constant]
  const at = (index: number): string => (Array.isArray(constant) ? `${pointer}/${index}` : pointer)
  const networks = new CidrSet()
  for (const [index, entry] of list.entries()) {
    if (typeof entry !== 'string')
      throw new ExpressionError(at(index), `${quoted(entry)} is not an IP address or network`)
    try {
      networks.add(entry, index)
    } catch (error) {
      if (error instanceof AddressError) throw new ExpressionError(at(index), error.message)
      throw error
    }
  }
  return (value) => typeof value === 'string' && networks.has(value)
}

/** Every operator of APISIX's `vars`, by name. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['==', equal],
  ['~=', (constant, pointer) => not(equal(constant, pointer))],
  ...Object.keys(comparisons).map((name): [string, Operator] => [
    name,
    (constant, pointer) => ordered(name, constant, pointer),
  ]),
  ['~~', (constant, pointer) => matching(constant, pointer, false)],
  ['~*', (constant, pointer) => matching(constant, pointer, true)],
  ['in', isMember],
  ['has', hasMember],
  ['ipmatch', inNetworks],
])
