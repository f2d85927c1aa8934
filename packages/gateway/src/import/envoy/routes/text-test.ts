import { compileRegularExpression, ExpressionError } from '../../../expressions/index.ts'
import type { Message } from '../reader/message.ts'

/** A comparison as it stands in `vars`. */
export type Condition = readonly unknown[]

/** A test of a text that Envoy's StringMatcher and its older forms make, as an operator of `vars` with its constant. */
export interface TextTest {
  readonly operator: '==' | '~~' | '~*'
  readonly constant: string
  readonly matches: (text: string) => boolean
}

/** A text in which no character means anything in a regular expression. */
export const escapeRegex = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** The expression that matches a whole text, as Envoy's do, for one that would match anywhere. */
export function wholeText(regex: string): { source: string; ignoreCase: boolean } {
  const flag = /^\(\?i\)/.exec(regex)?.[0] ?? ''
  let source = regex.slice(flag.length)
  if (source.includes('|')) source = `(?:${source})`
  if (!source.startsWith('^')) source = `^${source}`
  if (!/(^|[^\\])(\\\\)*\$$/.test(source)) source = `${source}$`
  return { source, ignoreCase: flag !== '' }
}

export function exactTest(text: string, ignoreCase: boolean): TextTest {
  if (!ignoreCase) return { operator: '==', constant: text, matches: (value) => value === text }
  return regexTest(`^${escapeRegex(text)}$`, true)
}

/** Throws an ExpressionError for what JavaScript cannot do. */
export function regexTest(source: string, ignoreCase: boolean): TextTest {
  const compiled = compileRegularExpression(source, ignoreCase, '')
  return {
    operator: ignoreCase ? '~*' : '~~',
    constant: source,
    matches: (value) => compiled.test(value),
  }
}

/** Reads a RegexMatcher. Tells of one that is not possible here, and gives undefined. */
export function readRegex(owner: Message, name: string): TextTest | undefined {
  const matcher = owner.message(name)
  matcher?.ignore('google_re2')
  const regex = matcher?.string('regex')
  if (matcher === undefined || regex === undefined) return undefined
  const { source, ignoreCase } = wholeText(regex)
  try {
    return regexTest(source, ignoreCase)
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    matcher.lose('regex', error.reason)
    return undefined
  }
}

/** Reads a StringMatcher: exact, prefix, suffix, contains or safe_regex. */
export function readStringMatcher(matcher: Message): TextTest | undefined {
  const ignoreCase = matcher.boolean('ignore_case') ?? false
  const exact = matcher.string('exact')
  if (exact !== undefined) return exactTest(exact, ignoreCase)
  const prefix = matcher.string('prefix')
  if (prefix !== undefined) return regexTest(`^${escapeRegex(prefix)}`, ignoreCase)
  const suffix = matcher.string('suffix')
  if (suffix !== undefined) return regexTest(`${escapeRegex(suffix)}$`, ignoreCase)
  const contains = matcher.string('contains')
  if (contains !== undefined) return regexTest(escapeRegex(contains), ignoreCase)
  if (matcher.has('safe_regex')) return readRegex(matcher, 'safe_regex')
  matcher.lose('custom')
  return undefined
}
