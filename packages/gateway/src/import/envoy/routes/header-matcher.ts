import type { Message } from '../reader/message.ts'
import {
  type Condition,
  exactTest,
  escapeRegex,
  readRegex,
  readStringMatcher,
  regexTest,
  type TextTest,
} from './text-test.ts'

/** What Envoy writes for parts of the request that are no headers. */
const PSEUDO_HEADERS: Readonly<Record<string, string>> = {
  ':method': 'request_method',
  ':path': 'request_uri',
  ':authority': 'http_host',
  ':scheme': 'scheme',
}

const EXISTS = (variable: string): Condition => [variable, '!', '==', null]
const IS_MISSING = (variable: string): Condition => [variable, '==', null]

/** The variable of a header; undefined for a name that has none: `_` in it would be read as `-`. */
function variableOf(name: string): string | undefined {
  if (Object.hasOwn(PSEUDO_HEADERS, name)) return PSEUDO_HEADERS[name]
  return /^[a-z0-9-]+$/i.test(name) ? `http_${name.toLowerCase().replaceAll('-', '_')}` : undefined
}

/**
 * Reads a HeaderMatcher, in its form with `string_match` and in the older ones. Gives the conditions that are all to be
 * true, or undefined when that cannot be said here, which is told.
 */
export function readHeaderMatcher(matcher: Message): Condition[] | undefined {
  const name = matcher.string('name') ?? ''
  const variable = variableOf(name)
  if (variable === undefined) {
    matcher.loseAll(`the header "${name}" cannot be named in "vars"`)
    return undefined
  }
  const inverted = matcher.boolean('invert_match') ?? false
  const missingIsEmpty = matcher.boolean('treat_missing_header_as_empty') ?? false
  const present = matcher.boolean('present_match')
  if (present !== undefined) return [present === inverted ? IS_MISSING(variable) : EXISTS(variable)]
  if (matcher.has('range_match')) return rangeConditions(matcher, variable, inverted, missingIsEmpty)
  if (!hasValueMatch(matcher)) return [inverted ? IS_MISSING(variable) : EXISTS(variable)]
  const test = readTest(matcher)
  return test === undefined ? undefined : textConditions(variable, test, inverted, missingIsEmpty)
}

const VALUE_MATCHES = [
  'string_match',
  'exact_match',
  'prefix_match',
  'suffix_match',
  'contains_match',
  'safe_regex_match',
]

const hasValueMatch = (matcher: Message): boolean => VALUE_MATCHES.some((name) => matcher.has(name))

function readTest(matcher: Message): TextTest | undefined {
  const strings = matcher.message('string_match')
  if (strings !== undefined) return readStringMatcher(strings)
  const exact = matcher.string('exact_match')
  if (exact !== undefined) return exactTest(exact, false)
  const prefix = matcher.string('prefix_match')
  if (prefix !== undefined) return regexTest(`^${escapeRegex(prefix)}`, false)
  const suffix = matcher.string('suffix_match')
  if (suffix !== undefined) return regexTest(`${escapeRegex(suffix)}$`, false)
  const contains = matcher.string('contains_match')
  if (contains !== undefined) return regexTest(escapeRegex(contains), false)
  return readRegex(matcher, 'safe_regex_match')
}

/**
 * In Envoy a header that is missing matches no value, inverted or not, unless it counts as empty. Here what is missing
 * equals nothing and matches no expression, so that the inverse is true of it.
 */
export function textConditions(
  variable: string,
  test: TextTest,
  inverted: boolean,
  missingIsEmpty: boolean,
): Condition[] {
  const { operator, constant } = test
  const plain: Condition = [variable, operator, constant]
  const inverse: Condition = [variable, '!', operator, constant]
  if (!missingIsEmpty) return inverted ? [EXISTS(variable), inverse] : [plain]
  if (!test.matches('')) return [inverted ? inverse : plain]
  return inverted ? [EXISTS(variable), inverse] : [['OR', IS_MISSING(variable), plain]]
}

/** From `start` to before `end`. */
function rangeConditions(
  matcher: Message,
  variable: string,
  inverted: boolean,
  missingIsEmpty: boolean,
): Condition[] | undefined {
  const range = matcher.message('range_match')
  const start = range?.number('start') ?? 0
  const end = range?.number('end') ?? 0
  const within: Condition[] = [
    [variable, '>=', start],
    [variable, '<', end],
  ]
  if (!inverted) return within
  const outside: Condition = ['!AND', ...within]
  return missingIsEmpty ? [outside] : [EXISTS(variable), outside]
}
