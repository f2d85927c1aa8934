/**
 * The directives of a Cache-Control field, or of a targeted one (RFC 9213), lower case. A value is without its quotes; undefined: there was none.
 * What is malformed is left out. Of a directive that stands there twice the first counts (RFC 9111 section 4.2.1 leaves that open), but for
 * numbers, where the smaller one does: the response is stale sooner.
 */
export type Directives = ReadonlyMap<string, string | undefined>

const NONE: Directives = new Map()

/** Fields longer than that are not looked through: nobody needs as much, and what they say is taken for `no-store`. */
const MAX_LENGTH = 4_096
const TOO_LONG: Directives = new Map([['no-store', undefined]])

/** One directive: token, optionally `=` and a token or a quoted string, up to a comma, or to the semicolon that some write instead. */
const DIRECTIVE = /[ \t,;]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?[ \t]*(?=[,;]|$)/y

export function parseDirectives(field: string | undefined): Directives {
  if (field === undefined || field === '') return NONE
  if (field === lastField) return lastDirectives
  if (field.length > MAX_LENGTH) return TOO_LONG
  const directives = new Map<string, string | undefined>()
  let at = 0
  while (at < field.length) {
    DIRECTIVE.lastIndex = at
    const match = DIRECTIVE.exec(field)
    if (match === null) {
      at = behindMember(field, at)
      continue
    }
    at = DIRECTIVE.lastIndex
    const name = match[1].toLowerCase()
    const value = match[2]?.replace(/\\(.)/g, '$1') ?? match[3]
    if (!directives.has(name)) directives.set(name, value)
    else if (NUMERIC.has(name)) directives.set(name, smaller(directives.get(name), value))
  }
  lastField = field
  return (lastDirectives = directives)
}

/** Upstreams say the same in most responses. */
let lastField = ''
let lastDirectives = NONE

/** The comma behind a member that is none, commas within quotes left aside. */
function behindMember(field: string, from: number): number {
  let quoted = false
  let at = from
  while (at < field.length && ', \t;'.includes(field[at])) at++
  for (; at < field.length; at++) {
    if (field[at] === '\\' && quoted) at++
    else if (field[at] === '"') quoted = !quoted
    else if ((field[at] === ',' || field[at] === ';') && !quoted) return at + 1
  }
  return field.length
}

const NUMERIC = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error', 'min-fresh', 'max-stale'])

const smaller = (a: string | undefined, b: string | undefined): string | undefined =>
  (deltaSeconds(a) ?? 0) <= (deltaSeconds(b) ?? 0) ? a : b

/** 2^31: what RFC 9111 section 1.2.2 says to use for more than can be counted. */
const MAX_SECONDS = 2_147_483_648

/** Seconds as RFC 9111 section 1.2.2 writes them; undefined for what is no such number. */
export function deltaSeconds(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d+$/.test(value)) return undefined
  return Math.min(Number(value), MAX_SECONDS)
}
