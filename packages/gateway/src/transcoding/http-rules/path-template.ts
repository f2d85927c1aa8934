/**
 * Path templates of HTTP rules, after the grammar in the comments of google/api/http.proto:
 *
 * ```
 * Template  = "/" Segments [ ":" LITERAL ]
 * Segments  = Segment { "/" Segment }
 * Segment   = "*" | "**" | LITERAL | "{" FieldPath [ "=" Segments ] "}"
 * FieldPath = IDENT { "." IDENT }
 * ```
 *
 * `*` is one segment, `**` none or more; it stands last. `{name}` is `{name=*}`. Variables do not nest.
 */
export interface PathTemplate {
  readonly segments: readonly TemplateSegment[]
  /** What follows the colon of the last segment; '' when there is none. */
  readonly verb: string
  readonly variables: readonly TemplateVariable[]
}

/** Literals are kept decoded. */
export type TemplateSegment = { readonly literal: string } | typeof ANY | typeof REST

/** `*` */
export const ANY = '*'
/** `**` */
export const REST = '**'

/** A variable, and the segments that it takes. */
export interface TemplateVariable {
  /** Names of fields, from the request message inwards. */
  readonly fieldPath: readonly string[]
  readonly start: number
  /** Behind its last segment. REST_END: to the end of the path. */
  readonly end: number
  /** `{a=*}` is decoded whole; in `{a=b/*}` and `{a=**}` an encoded slash stays encoded. */
  readonly isMultiSegment: boolean
}

export const REST_END = -1

/** Why a template is none. */
export interface TemplateError {
  readonly error: string
}

/** More are no path that anybody writes; each costs a step per request. */
const MAX_SEGMENTS = 64

const IDENT = /^[A-Za-z_][A-Za-z0-9_]*$/
/** Characters of a path segment (RFC 3986, section 3.3) without the colon, which begins a verb, and without `*`. */
const LITERAL = /^(?:[A-Za-z0-9._~!$&'()+,;=@-]|%[0-9A-Fa-f]{2})+$/

/** Reads a template. */
export function parsePathTemplate(text: string): PathTemplate | TemplateError {
  if (!text.startsWith('/')) return { error: 'must begin with "/"' }
  const { path, verb } = splitVerb(text)
  if (verb === undefined) return { error: 'the verb behind ":" must be letters, digits, "-", "_", "." or "~"' }
  if (path === '/') return { segments: [], verb, variables: [] }
  const segments: TemplateSegment[] = []
  const variables: TemplateVariable[] = []
  for (const part of splitOutsideBraces(path.slice(1))) {
    const error = part.startsWith('{') ? readVariable(part, segments, variables) : readSegment(part, segments)
    if (error !== undefined) return { error }
  }
  const rest = segments.indexOf(REST)
  if (rest >= 0 && rest < segments.length - 1) return { error: '"**" must be the last segment' }
  if (segments.length > MAX_SEGMENTS) return { error: `has more than ${MAX_SEGMENTS} segments` }
  return { segments, verb, variables }
}

/** The verb is behind the last colon, if that is behind the last slash and the last brace. undefined: it is malformed. */
function splitVerb(text: string): { path: string; verb: string | undefined } {
  const colon = text.lastIndexOf(':')
  if (colon < Math.max(text.lastIndexOf('/'), text.lastIndexOf('}'))) return { path: text, verb: '' }
  const verb = text.slice(colon + 1)
  return { path: text.slice(0, colon), verb: /^[A-Za-z0-9._~-]+$/.test(verb) ? verb : undefined }
}

function splitOutsideBraces(path: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at <= path.length; at++) {
    const char = path[at]
    if (char === '{') depth++
    else if (char === '}') depth--
    else if (at === path.length || (char === '/' && depth === 0)) {
      parts.push(path.slice(start, at))
      start = at + 1
    }
  }
  return parts
}

function readSegment(part: string, segments: TemplateSegment[]): string | undefined {
  if (part === ANY || part === REST) segments.push(part)
  else if (part === '') return 'has an empty segment'
  else if (!LITERAL.test(part)) return `"${part}" is neither a literal, "*", "**" nor a variable as "{name}"`
  else {
    const literal = decodeSegment(part)
    if (literal === undefined) return `"${part}" is not UTF-8 when it is decoded`
    segments.push({ literal })
  }
  return undefined
}

function readVariable(part: string, segments: TemplateSegment[], variables: TemplateVariable[]): string | undefined {
  if (!part.endsWith('}')) return `"${part}": a variable is a segment of its own`
  const inner = part.slice(1, -1)
  if (/[{}]/.test(inner)) return `"${part}": variables do not nest`
  const equals = inner.indexOf('=')
  const name = equals < 0 ? inner : inner.slice(0, equals)
  const fieldPath = name.split('.')
  if (!fieldPath.every((ident) => IDENT.test(ident))) return `"${name}" is not the path of a field`
  if (variables.some((other) => other.fieldPath.join('.') === name)) return `"${name}" is there twice`
  const start = segments.length
  for (const segment of equals < 0 ? [ANY] : inner.slice(equals + 1).split('/')) {
    const error = readSegment(segment, segments)
    if (error !== undefined) return error
  }
  const hasRest = segments[segments.length - 1] === REST
  const isMultiSegment = hasRest || segments.length - start > 1
  variables.push({ fieldPath, start, end: hasRest ? REST_END : segments.length, isMultiSegment })
  return undefined
}

/** A path segment without its percent-encoding; undefined for what is not UTF-8 or not an encoding. */
export function decodeSegment(segment: string): string | undefined {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/** The same for what a variable of several segments took: an encoded slash stays as it is, or it would become a separator. */
export function decodeSegments(segments: string): string | undefined {
  if (!segments.includes('%')) return segments
  return decodeSegment(segments.replace(/%2f/gi, (slash) => `%25${slash.slice(1)}`))
}
