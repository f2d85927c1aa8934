import type { GatewaySession } from '../../session.ts'
import { compileRegularExpression } from '../../expressions/index.ts'
import type { RequestContext } from '../../request-context.ts'
import { compileText, hasVariables } from '../../variables/template.ts'
import { variableReader } from '../../variables/variables.ts'
import { CaptureTemplate } from './captures.ts'
import { encodePath, encodeQueryValue, encodeTarget, isLatin1Path } from './uri-encoding.ts'

/** Makes a request target, without the client's query; undefined when the client made it lead upwards. */
export type TargetMaker = (session: GatewaySession) => string | undefined

/**
 * Compiles `uri` of proxy-rewrite: the path is decoded text with variables, what follows its first `?` a query with
 * variables.
 */
export function compileTarget(uri: string): TargetMaker {
  const [pathText, queryText] = splitQuery(uri)
  const makePath = compileText(pathText)
  const makeQuery = queryText === undefined ? undefined : compileQuery(queryText)
  const varies = hasVariables(pathText)
  return (session) => {
    const path = makePath(session.ctx)
    if (varies && leadsUpwards(path)) return undefined
    const encoded = encodeSessionPath(session, path)
    return makeQuery === undefined ? encoded : `${encoded}?${makeQuery(session.ctx)}`
  }
}

/** The same for `use_real_request_uri_unsafe`: what variables hold is taken for encoded, and may add a query. */
export function compileRawTarget(uri: string): TargetMaker {
  const make = compileText(uri)
  return (session) => encodeTarget(make(session.ctx))
}

/** One expression of `regex_uri` and what takes the place of its match. */
export class TargetRule {
  readonly regex: RegExp
  private readonly path: CaptureTemplate
  private readonly query: CaptureTemplate | undefined

  /** Throws an ExpressionError at the index of the wrong one of the two in `regex_uri`. */
  constructor(source: string, replacement: string, index: number) {
    this.regex = compileRegularExpression(source, false, `/${index}`)
    const [path, query] = splitQuery(replacement)
    this.path = new CaptureTemplate(path, `/${index + 1}`)
    this.query = query === undefined ? undefined : new CaptureTemplate(query, `/${index + 1}`)
  }

  /** The target for a match in the decoded path; undefined when a capture made it lead upwards. */
  target(session: GatewaySession, match: RegExpExecArray): string | undefined {
    const before = match.input.slice(0, match.index)
    const after = match.input.slice(match.index + match[0].length)
    const replaced = before + this.path.expand(match)
    const path = absolute(this.query === undefined ? replaced + after : replaced)
    if (leadsUpwards(path)) return undefined
    const encoded = encodeSessionPath(session, path)
    if (this.query === undefined) return encoded
    return `${encoded}?${this.query.expand(match, encodeQueryValue)}${encodeQueryValue(after)}`
  }

  /** The target for a match in the target as the client sent it. */
  rawTarget(match: RegExpExecArray): string {
    const after = match.input.slice(match.index + match[0].length)
    const query = this.query === undefined ? '' : `?${this.query.expand(match)}`
    return encodeTarget(absolute(match.input.slice(0, match.index) + this.path.expand(match) + query + after))
  }
}

/** Compiles pairs of an expression and its replacement. Throws an ExpressionError with the index of what is wrong. */
export function compileTargetRules(pairs: readonly string[]): TargetRule[] {
  const rules: TargetRule[] = []
  for (let at = 0; at + 1 < pairs.length; at += 2) rules.push(new TargetRule(pairs[at], pairs[at + 1], at))
  return rules
}

/** A decoded path in the encoding in which the request's came. */
export function encodeSessionPath({ ctx, request }: GatewaySession, path: string): string {
  return encodePath(path, isLatin1Path(ctx.path, request.path))
}

/** "/a?b?c" is path "/a" and query "b?c". */
function splitQuery(text: string): [path: string, query: string | undefined] {
  const mark = text.indexOf('?')
  return mark < 0 ? [text, undefined] : [text.slice(0, mark), text.slice(mark + 1)]
}

/** A capture without its slash would make the target an absolute URL, or none at all. */
const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`)

/** Routes were matched, and callers admitted, for a path without `..`: it must not come back by a captured `%2E`. */
const leadsUpwards = (path: string): boolean => path.includes('..') && /[/\\]\.\.(?:[/\\]|$)/.test(path)

/** Already encoded, and made of arguments. */
const QUERIES = new Set(['args', 'query_string', 'is_args'])
const VARIABLE = /\\\$|\$(?:\{([A-Za-z0-9_.-]+)\}|([A-Za-z0-9_]+))/g

/** Compiles a query: what a variable holds is one value, unless it is the client's query itself. */
function compileQuery(text: string): (context: RequestContext) => string {
  const parts: ((context: RequestContext) => string)[] = []
  let from = 0
  const literal = (to: number): void => {
    const encoded = encodeTarget(text.slice(from, to))
    if (encoded !== '') parts.push(() => encoded)
  }
  for (const match of text.matchAll(VARIABLE)) {
    literal(match.index)
    const name = match[1] ?? match[2]
    if (name === undefined) parts.push(() => '$')
    else {
      const read = variableReader(name)
      const encode = QUERIES.has(name) ? encodeTarget : encodeQueryValue
      parts.push((context) => encode(String(read(context) ?? '')))
    }
    from = match.index + match[0].length
  }
  literal(text.length)
  return (context) => {
    let query = ''
    for (const part of parts) query += part(context)
    return query
  }
}
