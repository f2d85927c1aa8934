/** Everything but unreserved characters becomes %XX, in capitals (RFC 3986 section 2.3; `encodeURIComponent` leaves five more alone). */
export const encodeUri = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

/**
 * The path as it is signed. S3 takes it as it is sent. All other services remove empty and dot segments, and encode once more what is
 * encoded already.
 * @param path as it is on the wire
 */
export function canonicalPath(path: string, service: string): string {
  if (service === 's3') return path
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') segments.pop()
    else segments.push(encodeUri(segment))
  }
  return segments.length === 0 ? '/' : `/${segments.join('/')}${path.endsWith('/') ? '/' : ''}`
}

/**
 * The query as it is signed: name and value encoded, sorted by both.
 * @param query as it is on the wire, without `?`
 * @returns undefined for a percent sign that encodes nothing
 */
export function canonicalQuery(query: string): string | undefined {
  if (query === '') return ''
  const members: [string, string][] = []
  for (const part of query.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    try {
      const name = decodeURIComponent(equals < 0 ? part : part.slice(0, equals))
      if (name === 'X-Amz-Signature') continue
      members.push([encodeUri(name), equals < 0 ? '' : encodeUri(decodeURIComponent(part.slice(equals + 1)))])
    } catch {
      return undefined
    }
  }
  members.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
  return members.map(([name, value]) => `${name}=${value}`).join('&')
}

/** A header's value as it is signed: without outer blanks, inner ones as one. */
export const canonicalValue = (value: string): string => value.trim().replace(/[ \t\r\n]+/g, ' ')

/** @param fields in lower case, sorted, values as `canonicalValue` makes them */
export const canonicalRequest = (
  method: string,
  path: string,
  query: string,
  fields: readonly (readonly [string, string])[],
  payloadHash: string,
): string =>
  `${method}\n${path}\n${query}\n${fields.map(([name, value]) => `${name}:${value}\n`).join('')}\n${signedNames(fields)}\n${payloadHash}`

export const signedNames = (fields: readonly (readonly [string, string])[]): string =>
  fields.map(([name]) => name).join(';')
