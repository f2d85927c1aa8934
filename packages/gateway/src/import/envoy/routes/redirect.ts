import type { Fields, Plugins } from '../output/draft.ts'
import { defined } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'
import type { PathMatch } from './path-pattern.ts'
import { readRegexRewrite } from './regex-rewrite.ts'
import { escapeRegex } from './text-test.ts'

const CODES: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
}

/** Reads a RedirectAction; undefined when the new address cannot be said here, which is told. */
export function redirect(action: Message, path: PathMatch): Plugins | undefined {
  const code = CODES[action.enumeration('response_code') ?? 'MOVED_PERMANENTLY'] ?? 301
  const toHttps = action.boolean('https_redirect') ?? false
  const scheme = toHttps ? 'https' : action.string('scheme_redirect')
  const host = action.string('host_redirect')
  const port = action.number('port_redirect')
  const stripQuery = action.boolean('strip_query') ?? false
  const target = readTarget(action, path, stripQuery)
  if (target === undefined) return undefined
  const samePath = target.uri === '$request_uri'
  if (scheme === 'https' && samePath && host === undefined && (code === 301 || code === 308))
    return { redirect: defined({ http_to_https: true, ret_port: port }) }
  const keepsOrigin = scheme === undefined && host === undefined && port === undefined
  const origin = keepsOrigin ? '' : originOf(scheme, host, port)
  const fields: Fields = {}
  if (target.regex === undefined) fields['uri'] = origin + target.uri
  else {
    if (origin.includes('$')) {
      action.loseAll('a new scheme or port together with a rewritten path needs host_redirect and scheme_redirect')
      return undefined
    }
    fields['regex_uri'] = [target.regex, origin + target.uri]
  }
  fields['ret_code'] = code
  if (target.appendQuery) fields['append_query_string'] = true
  return { redirect: fields }
}

function originOf(scheme: string | undefined, host: string | undefined, port: number | undefined): string {
  const name = host ?? (port === undefined && scheme === undefined ? '$http_host' : '$host')
  return `${scheme ?? '$scheme'}://${name}${port === undefined ? '' : `:${port}`}`
}

interface Target {
  readonly uri: string
  readonly regex?: string
  readonly appendQuery: boolean
}

const literal = (text: string): string => text.replaceAll('$', '\\$')

function readTarget(action: Message, path: PathMatch, stripQuery: boolean): Target | undefined {
  const appendQuery = !stripQuery
  const newPath = action.string('path_redirect')
  if (newPath !== undefined) return { uri: literal(newPath), appendQuery: appendQuery && !newPath.includes('?') }
  const prefix = action.string('prefix_rewrite')
  if (prefix !== undefined) {
    if (path.kind === 'path' || path.kind === 'regex') return { uri: literal(prefix), appendQuery }
    return { regex: `^${escapeRegex(path.text)}`, uri: prefix.replaceAll('$', '$$$$'), appendQuery }
  }
  if (action.has('regex_rewrite')) {
    const rewrite = readRegexRewrite(action, 'regex_rewrite')
    return rewrite && { regex: rewrite[0], uri: rewrite[1], appendQuery }
  }
  if (action.has('path_rewrite')) {
    action.lose('path_rewrite')
    return undefined
  }
  return { uri: stripQuery ? '$uri' : '$request_uri', appendQuery: false }
}
