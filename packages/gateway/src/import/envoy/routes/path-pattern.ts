import { escapeRegex, type Condition, type TextTest } from './text-test.ts'

/** How Envoy named the paths of a route: rewrites go by it. */
export interface PathMatch {
  readonly kind: 'prefix' | 'path' | 'segments' | 'regex'
  /** As it is written. */
  readonly text: string
}

/** Path patterns of ours, and what is to be true of the path besides. */
export interface PathRule {
  readonly uris: string[]
  readonly vars: Condition[]
}

/** `*` and `:name` mean something in our patterns, and what is normalised away can never match. */
const isPlain = (path: string): boolean =>
  path.startsWith('/') && !path.includes('*') && !/\/(?::|\/|\.\.?(?:\/|$))/.test(path)

/** Ours are compared with the decoded path. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function prefixRule(text: string, ignoreCase: boolean): PathRule {
  const path = decoded(text)
  if (path === '' || path === '/') return { uris: ['/*'], vars: [] }
  if (!ignoreCase && isPlain(path)) return { uris: [`${path}*`], vars: [] }
  return testedPath(`^${escapeRegex(path)}`, ignoreCase)
}

export function exactRule(text: string, ignoreCase: boolean): PathRule {
  const path = decoded(text)
  if (!ignoreCase && isPlain(path)) return { uris: [path], vars: [] }
  return testedPath(`^${escapeRegex(path)}$`, ignoreCase)
}

/** `/api`, and all that begins with `/api/`. */
export function segmentsRule(text: string, ignoreCase: boolean): PathRule {
  const path = decoded(text)
  if (!ignoreCase && isPlain(path)) return { uris: [path, `${path}/*`], vars: [] }
  return testedPath(`^${escapeRegex(path)}(/|$)`, ignoreCase)
}

/** The literal text at the front of the expression becomes a pattern, so that few paths have to be tested. */
export function regexRule({ constant, operator }: TextTest): PathRule {
  const front = operator === '~*' ? '/' : literalFront(constant)
  return { uris: [`${front}*`], vars: [['uri', operator, constant]] }
}

const testedPath = (source: string, ignoreCase: boolean): PathRule => ({
  uris: ['/*'],
  vars: [['uri', ignoreCase ? '~*' : '~~', source]],
})

/** The text that every match begins with, up to its last slash. */
function literalFront(source: string): string {
  if (source.includes('|')) return '/'
  let text = ''
  let at = 1
  for (; at < source.length; at++) {
    const escaped = source[at] === '\\'
    const char = escaped ? source[at + 1] : source[at]
    const isLiteral = escaped ? /[^\w\s]/.test(char) : /[^\\^$.*+?()[\]{}|]/.test(char)
    if (!isLiteral) break
    if (escaped) at++
    text += char
  }
  // A character that may be missing or repeated is cut off with its segment.
  const front = text.slice(0, text.lastIndexOf('/') + (/[*?{]/.test(source[at] ?? '') && text.endsWith('/') ? 0 : 1))
  return isPlain(front) ? front : '/'
}

/** What a pattern is compared with: the text in front of its `*`. */
const literalOf = (pattern: string): string => (pattern.endsWith('*') ? pattern.slice(0, -1) : pattern)

/** Whether every path that fits `inner` fits `outer`. Patterns made here either cover each other or share nothing. */
export function covers(outer: string, inner: string): boolean {
  if (outer === inner) return true
  return outer.endsWith('*') && literalOf(inner).startsWith(literalOf(outer))
}
