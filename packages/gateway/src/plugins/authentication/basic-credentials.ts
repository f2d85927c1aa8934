export interface BasicCredentials {
  readonly username: string
  readonly password: string
}

/** `Basic` in any case, spaces, and token68 in the alphabet of base64 (RFC 9110 section 11.4, RFC 7617 section 2). */
const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i
// eslint-disable-next-line no-control-regex
const CONTROL = /[\0-\x1f\x7f]/

/** The name and password of an Authorization field, as UTF-8; undefined when it holds none. The name has no colon, the password may have. */
export function readBasicCredentials(field: string): BasicCredentials | undefined {
  const encoded = BASIC.exec(field)?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0 || CONTROL.test(text)) return undefined
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}
