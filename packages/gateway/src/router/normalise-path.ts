import { isUtf8 } from 'node:buffer'

const SLASH = 47
const DOT = 46
const PERCENT = 37

/**
 * The path as routes see it: nginx's `$uri`. Percent escapes are decoded once, repeated slashes merged, `.` and `..`
 * resolved, in this order, so that `%2e%2e` and `%2F` are `..` and `/`, as for nginx. A path that ends in `/.` or `/..` ends
 * in `/` then.
 *
 * @param rawPath the path as it was sent, one character for each byte (latin1), without the query. Empty is `/`; `*`
 * (of `OPTIONS *`) stays.
 * @returns undefined when the path is malformed: it does not start with `/`, has a bad percent escape, `%00`, a character
 * above U+00FF, or `..` goes above the root. Otherwise a string in which the decoded bytes are read as UTF-8 if all of them
 * are valid UTF-8, else each byte is one character (latin1). The same string when nothing needs change.
 */
export function normalisePath(rawPath: string): string | undefined {
  const length = rawPath.length
  if (length === 0) return '/'
  if (rawPath.charCodeAt(0) !== SLASH) return rawPath === '*' ? rawPath : undefined
  let before = 0
  for (let at = 0; at < length; at++) {
    const code = rawPath.charCodeAt(at)
    // A dot after a slash is most often `.well-known`, which the slow path leaves as it is.
    if (code === PERCENT || code > 126 || code === 0 || (before === SLASH && (code === SLASH || code === DOT))) {
      return rewritePath(rawPath)
    }
    before = code
  }
  return rawPath
}

// Paths are bounded by the limit of the request target, 8 KiB by default; a longer one gets a larger buffer once.
let buffer = Buffer.alloc(8192)

function rewritePath(rawPath: string): string | undefined {
  if (buffer.length < rawPath.length) buffer = Buffer.alloc(rawPath.length)
  const out = buffer
  let length = 0
  let segment = 0 // where the segment being written starts, right after its slash
  let ascii = true
  for (let at = 0; at < rawPath.length; at++) {
    let byte = rawPath.charCodeAt(at)
    if (byte === PERCENT) {
      byte = decodeHex(rawPath, at + 1)
      at += 2
    }
    if (byte <= 0 || byte > 255) return undefined
    if (byte > 127) ascii = false
    if (byte !== SLASH) {
      out[length++] = byte
    } else if (length === 0) {
      out[length++] = SLASH
      segment = 1
    } else {
      length = segment = endSegment(out, segment, length)
      if (length === 0) return undefined
    }
  }
  if (isDots(out, segment, length)) {
    length = endSegment(out, segment, length)
    if (length === 0) return undefined
  }
  if (ascii || !isUtf8(out.subarray(0, length))) return out.toString('latin1', 0, length)
  return out.toString('utf8', 0, length)
}

/** Ends the segment with a slash, unless it is empty or dots. Returns the length of the path then, 0 above the root. */
function endSegment(out: Buffer, segment: number, length: number): number {
  if (length === segment) return length
  if (!isDots(out, segment, length)) {
    out[length] = SLASH
    return length + 1
  }
  if (length - segment === 1) return segment
  return segment === 1 ? 0 : out.lastIndexOf(SLASH, segment - 2) + 1
}

/** Whether the segment is `.` or `..`. */
function isDots(out: Buffer, segment: number, length: number): boolean {
  const size = length - segment
  return (size === 1 || size === 2) && out[segment] === DOT && out[length - 1] === DOT
}

/** The byte of two hexadecimal digits, -1 when they are none. */
function decodeHex(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
