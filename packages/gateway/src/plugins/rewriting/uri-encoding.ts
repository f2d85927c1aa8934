/** What `ngx_escape_uri` encodes in a path: all but what RFC 3986 lets stand there unencoded, and `[` and `]`. */
// eslint-disable-next-line no-control-regex
const NOT_IN_PATH = /[\0-\x20"#%<>?\\^`{|}\x7f-\uffff]+/g
// eslint-disable-next-line no-control-regex
const ANY_NOT_IN_PATH = /[\0-\x20"#%<>?\\^`{|}\x7f-\uffff]/

/** What no request target may hold: controls, space, what is not ASCII, and the delimiters of RFC 3986 appendix C. */
// eslint-disable-next-line no-control-regex
const NOT_IN_TARGET = /[\0-\x20"#<>\x7f-\uffff]+/g

/** What would end a value in a query, or be read as something else by who parses it. */
// eslint-disable-next-line no-control-regex
const NOT_IN_QUERY_VALUE = /[\0-\x20"#%&+<>\x7f-\uffff]+/g

/** What no header may hold, and what is not ASCII, which clients read in different ways. A space may stay. */
// eslint-disable-next-line no-control-regex
const NOT_IN_LOCATION = /[\0-\x1f\x7f-\uffff]+/g

const PERCENT = Array.from({ length: 256 }, (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)

function encodeBytes(text: string, encoding: 'utf8' | 'latin1'): string {
  let out = ''
  for (const byte of Buffer.from(text, encoding)) out += PERCENT[byte]
  return out
}

const encodeUtf8 = (text: string): string => encodeBytes(text, 'utf8')
// eslint-disable-next-line no-control-regex
const LATIN1 = /^[\0-\xff]*$/
const encodeLatin1 = (text: string): string => encodeBytes(text, LATIN1.test(text) ? 'latin1' : 'utf8')

/**
 * A decoded path as it goes on the wire, encoded as nginx does: `%` is `%25`, `?` is `%3F`. The same string when
 * nothing needs it.
 *
 * @param latin1 characters up to U+00FF stand for one byte each: a path that was not UTF-8 leaves as it came
 */
export function encodePath(path: string, latin1 = false): string {
  if (!ANY_NOT_IN_PATH.test(path)) return path
  return path.replace(NOT_IN_PATH, latin1 ? encodeLatin1 : encodeUtf8)
}

/** Encodes only what may not stand in a request target: for text that is already percent-encoded. */
export const encodeTarget = (text: string): string => text.replace(NOT_IN_TARGET, encodeUtf8)

/** Decoded text as a value in a query: it cannot begin another argument. */
export const encodeQueryValue = (text: string): string => text.replace(NOT_IN_QUERY_VALUE, encodeUtf8)

/** Makes text from a request safe in a Location field, and changes nothing else. */
export const encodeLocation = (text: string): string => text.replace(NOT_IN_LOCATION, encodeUtf8)

/** `target` with another query behind its own. */
export function appendQuery(target: string, query: string): string {
  if (query === '') return target
  return target + (target.includes('?') ? '&' : '?') + query
}

// eslint-disable-next-line no-control-regex
const BEYOND_ASCII = /[^\0-\x7f]/
const BEYOND_LATIN1 = /[^\0-\xff]/

/**
 * Whether a normalised path is one of bytes that are not UTF-8 (see `normalisePath`). `raw` is the path as it was sent.
 */
export function isLatin1Path(path: string, raw: string): boolean {
  if (!BEYOND_ASCII.test(path) || BEYOND_LATIN1.test(path)) return false
  try {
    decodeURIComponent(raw)
    return false
  } catch {
    return true
  }
}
