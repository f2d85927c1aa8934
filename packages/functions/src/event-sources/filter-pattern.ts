/** Whether a record goes to the function. */
export type Matcher = (value: unknown) => boolean

type Pattern = Readonly<Record<string, unknown>>

/**
 * A filter as event source mappings have them: `{"body": {"city": ["Kyoto", {"prefix": "To"}], "price": [{"numeric": [">", 10, "<=", 20]}]}}`.
 * Members of an object must all match, of a list one. Knows null, exists, prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric
 * and $or. Throws an Error that says which part is wrong.
 */
export function compileFilter(text: string): Matcher {
  const pattern: unknown = JSON.parse(text)
  if (!isObject(pattern)) throw new Error('a filter is an object')
  return objectMatcher(pattern, '')
}

function objectMatcher(pattern: Pattern, at: string): Matcher {
  const members = Object.entries(pattern).map(([name, part]) => {
    const path = at === '' ? name : `${at}.${name}`
    if (name === '$or') return alternatives(part, at)
    if (Array.isArray(part)) return memberMatcher(name, listMatcher(part, path))
    if (isObject(part)) return memberMatcher(name, objectMatcher(part, path))
    throw new Error(`${path} must be a list of values, or an object`)
  })
  return (value) => members.every((matches) => matches(value))
}

function alternatives(part: unknown, at: string): Matcher {
  if (!Array.isArray(part) || part.length < 2 || !part.every(isObject))
    throw new Error(`${at === '' ? '' : `${at}.`}$or must be a list of two or more objects`)
  const matchers = part.map((one) => objectMatcher(one, at))
  return (value) => matchers.some((matches) => matches(value))
}

/** Absent members are undefined, which only `exists: false` matches. */
const memberMatcher =
  (name: string, matches: Matcher): Matcher =>
  (value) =>
    matches(isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined)

function listMatcher(rules: readonly unknown[], at: string): Matcher {
  if (rules.length === 0) throw new Error(`${at} must not be an empty list`)
  const matchers = rules.map((rule) => ruleMatcher(rule, at))
  const matches = (value: unknown) => matchers.some((one) => one(value))
  // A list of the record matches when one of it does.
  return (value) => (Array.isArray(value) ? value.some(matches) : matches(value))
}

function ruleMatcher(rule: unknown, at: string): Matcher {
  if (rule === null || typeof rule !== 'object') return (value) => value === rule
  const entries = Object.entries(rule)
  if (entries.length !== 1) throw new Error(`${at}: a rule is one value, or an object with one member`)
  const [kind, argument] = entries[0]! as [string, unknown]
  switch (kind) {
    case 'exists':
      if (typeof argument !== 'boolean') break
      return (value) => (value !== undefined) === argument
    case 'prefix':
      return textRule(argument, at, (text, value) => value.startsWith(text))
    case 'suffix':
      return textRule(argument, at, (text, value) => value.endsWith(text))
    case 'equals-ignore-case':
      return textRule(argument, at, (text, value) => value.toLowerCase() === text.toLowerCase())
    case 'wildcard':
      return textRule(argument, at, (text, value) => matchesWildcard(text, value))
    case 'anything-but': {
      const others = (Array.isArray(argument) ? argument : [argument]).map((one) => ruleMatcher(one, at))
      return (value) => value !== undefined && !others.some((matches) => matches(value))
    }
    case 'numeric':
      return numericRule(argument, at)
  }
  throw new Error(
    `${at}: ${kind} is not known, or has no fitting value. Known: exists, prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric`,
  )
}

function textRule(text: unknown, at: string, holds: (text: string, value: string) => boolean): Matcher {
  if (typeof text !== 'string') throw new Error(`${at}: the rule needs a text`)
  return (value) => typeof value === 'string' && holds(text, value)
}

/** `*` is any text; no expression, which a stranger could make slow. */
function matchesWildcard(pattern: string, value: string): boolean {
  const parts = pattern.split('*')
  if (parts.length === 1) return value === pattern
  const [first, last] = [parts.shift()!, parts.pop()!]
  if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false
  let at = first.length
  for (const part of parts) {
    const found = value.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= value.length - last.length
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

function numericRule(argument: unknown, at: string): Matcher {
  const problem = new Error(`${at}: numeric needs a list like [">", 0, "<=", 5]`)
  if (!Array.isArray(argument) || (argument.length !== 2 && argument.length !== 4)) throw problem
  const conditions: ((value: number) => boolean)[] = []
  for (let i = 0; i < argument.length; i += 2) {
    const sign: unknown = argument[i]
    const bound: unknown = argument[i + 1]
    const holds = typeof sign === 'string' && Object.hasOwn(COMPARISONS, sign) ? COMPARISONS[sign] : undefined
    if (holds === undefined || typeof bound !== 'number') throw problem
    conditions.push((value) => holds(value, bound))
  }
  return (value) => typeof value === 'number' && conditions.every((holds) => holds(value))
}

const isObject = (value: unknown): value is Pattern =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
