import { METHODS } from '../../../resources/host.ts'
import type { Message } from '../reader/message.ts'
import { readFraction } from '../reader/fraction.ts'
import { readHeaderMatcher, textConditions } from './header-matcher.ts'
import { exactRule, type PathMatch, type PathRule, prefixRule, regexRule, segmentsRule } from './path-pattern.ts'
import { type Condition, readRegex, readStringMatcher } from './text-test.ts'

/** Which requests a route is for. */
export interface MatchRules {
  readonly path: PathMatch
  readonly uris: readonly string[]
  readonly methods: readonly string[] | undefined
  readonly vars: readonly Condition[]
}

/** Reads a RouteMatch; undefined when a part of it cannot be said here, which is told. */
export function readMatch(match: Message): MatchRules | undefined {
  const ignoreCase = match.boolean('case_sensitive') === false
  const path = readPath(match, ignoreCase)
  const headers = match.messages('headers').map(readHeaderMatcher)
  const query = match.messages('query_parameters').map(readQueryParameter)
  const cookies = match.messages('cookies').map(readCookie)
  const rest = readRest(match)
  if (path === undefined || rest === undefined) return undefined
  const conditions: Condition[] = [...path.rule.vars]
  for (const list of [...headers, ...query, ...cookies, rest]) {
    if (list === undefined) return undefined
    conditions.push(...list)
  }
  return { path: path.match, uris: path.rule.uris, ...splitMethods(conditions) }
}

/** A condition on the method has a field of its own. */
function splitMethods(conditions: readonly Condition[]): Pick<MatchRules, 'methods' | 'vars'> {
  const at = conditions.findIndex(
    ([variable, operator, value]) =>
      variable === 'request_method' && operator === '==' && (METHODS as readonly unknown[]).includes(value),
  )
  if (at < 0) return { methods: undefined, vars: conditions }
  return { methods: [String(conditions[at][2])], vars: conditions.filter((_, index) => index !== at) }
}

function readPath(match: Message, ignoreCase: boolean): { match: PathMatch; rule: PathRule } | undefined {
  const prefix = match.string('prefix')
  if (prefix !== undefined) return { match: { kind: 'prefix', text: prefix }, rule: prefixRule(prefix, ignoreCase) }
  const path = match.string('path')
  if (path !== undefined) return { match: { kind: 'path', text: path }, rule: exactRule(path, ignoreCase) }
  const segments = match.string('path_separated_prefix')
  if (segments !== undefined)
    return { match: { kind: 'segments', text: segments }, rule: segmentsRule(segments, ignoreCase) }
  if (match.has('safe_regex')) {
    const regex = readRegex(match, 'safe_regex')
    return regex && { match: { kind: 'regex', text: regex.constant }, rule: regexRule(regex) }
  }
  match.lose('connect_matcher', 'CONNECT is not forwarded')
  match.lose('path_match_policy', 'write a path pattern, as "/a/:id/*"')
  return undefined
}

function readQueryParameter(matcher: Message): Condition[] | undefined {
  const variable = `arg_${matcher.string('name') ?? ''}`
  const strings = matcher.message('string_match')
  if (strings !== undefined) {
    const test = readStringMatcher(strings)
    return test && textConditions(variable, test, false, false)
  }
  return [matcher.boolean('present_match') === false ? [variable, '==', null] : [variable, '!', '==', null]]
}

function readCookie(matcher: Message): Condition[] | undefined {
  const variable = `cookie_${matcher.string('name') ?? ''}`
  const strings = matcher.message('string_match')
  const test = strings && readStringMatcher(strings)
  return test && textConditions(variable, test, matcher.boolean('invert_match') ?? false, false)
}

const NOT_HERE = ['tls_context', 'dynamic_metadata', 'filter_state']

/** Conditions that are neither path, header nor query. */
function readRest(match: Message): Condition[] | undefined {
  const conditions: Condition[] = []
  if (match.message('grpc') !== undefined) conditions.push(['content_type', '~~', '^application/grpc(\\+|$)'])
  if (match.has('runtime_fraction') && readFraction(match.message('runtime_fraction')) !== 100) {
    match.lose('runtime_fraction', 'routes for a part of the requests are not in this version')
    return undefined
  }
  const missing = NOT_HERE.filter((name) => match.has(name))
  for (const name of missing) match.lose(name)
  return missing.length > 0 ? undefined : conditions
}
