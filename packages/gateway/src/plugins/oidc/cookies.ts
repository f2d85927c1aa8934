import type { SessionConfig } from './session-schema.ts'

/** Of one cookie's value: browsers keep 4,096 bytes of name, value and attributes. */
const CHUNK = 3_600
/** A request with more of them would meet the limits of most servers for heads; the gateway's own is 32 KiB. */
export const MAX_CHUNKS = 6
export const MAX_CHARACTERS = CHUNK * MAX_CHUNKS

/** What a Cookie field has. */
export interface SortedCookies {
  /** Ours, by name. */
  readonly own: ReadonlyMap<string, string>
  /** The field without them; '' when nothing is left. */
  readonly rest: string
}

const SPACE = 0x20

/**
 * Tells the cookies whose names begin with `prefix`, and are ours by what follows, from the others; undefined: there are none of ours. One pass, without
 * lists: a session is thousands of characters long.
 */
export function sortCookies(
  field: string | undefined,
  prefix: string,
  isSuffix: (suffix: string) => boolean,
): SortedCookies | undefined {
  if (field === undefined || !field.includes(prefix)) return undefined
  let own: Map<string, string> | undefined
  let rest = ''
  // Several Cookie fields are joined by commas, and no cookie has one. Looked for once: strangers choose how often.
  let comma = nextOf(field, ',', 0)
  for (let at = 0; at < field.length;) {
    let start = at
    while (field.charCodeAt(start) === SPACE) start++
    if (comma < start) comma = nextOf(field, ',', start)
    at = Math.min(nextOf(field, ';', start), comma)
    const pair = field.slice(start, at)
    const equals = pair.startsWith(prefix) ? pair.indexOf('=', prefix.length) : -1
    if (equals >= 0 && isSuffix(pair.slice(prefix.length, equals))) {
      own ??= new Map()
      const name = pair.slice(0, equals)
      // Of several with one name the first is the one with the longest path (RFC 6265 section 5.4).
      if (!own.has(name)) own.set(name, pair.slice(equals + 1))
    } else if (pair !== '') rest += rest === '' ? pair : `; ${pair}`
    at++
  }
  return own === undefined ? undefined : { own, rest }
}

function nextOf(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from)
  return at < 0 ? text.length : at
}

/** Writes and reads a long value as cookies `name`, `name_1`, `name_2`, …; the first says how many there are. */
export class CookieJar {
  readonly name: string
  private readonly attributes: string
  private readonly secure: boolean | undefined

  constructor(config: SessionConfig, name = config.cookie_name, sameSite = config.cookie_same_site) {
    const { cookie_path: path, cookie_domain: domain, cookie_http_only: httpOnly } = config
    this.name = name
    this.secure = config.cookie_secure
    this.attributes = [
      `; Path=${path}`,
      domain === undefined ? '' : `; Domain=${domain}`,
      httpOnly ? '; HttpOnly' : '',
      sameSite === 'Default' ? '' : `; SameSite=${sameSite}`,
    ].join('')
  }

  /** The value of a request's cookies; undefined when a part is missing. */
  read(cookies: ReadonlyMap<string, string> | undefined): string | undefined {
    const first = cookies?.get(this.name)
    if (cookies === undefined || first === undefined) return undefined
    const count = first.charCodeAt(0) - ZERO
    if (first[1] !== '.' || count < 1 || count > MAX_CHUNKS) return undefined
    let value = first.slice(2)
    for (let index = 1; index < count; index++) {
      const chunk = cookies.get(`${this.name}_${index}`)
      if (chunk === undefined) return undefined
      value += chunk
    }
    return value
  }

  /**
   * The Set-Cookie fields that keep a value.
   * @param present the request's cookies: those that are no longer needed are taken away
   */
  write(value: string, isSecure: boolean, present: ReadonlyMap<string, string> | undefined): string[] {
    const suffix = this.suffix(isSecure)
    const count = Math.max(1, Math.ceil(value.length / CHUNK))
    const fields: string[] = []
    for (let index = 0; index < count; index++) {
      const chunk = value.slice(index * CHUNK, (index + 1) * CHUNK)
      fields.push(`${this.nameOf(index)}=${index === 0 ? `${count}.` : ''}${chunk}${suffix}`)
    }
    return [...fields, ...this.take(present, isSecure, count)]
  }

  /** The Set-Cookie fields that take it away. */
  remove(present: ReadonlyMap<string, string> | undefined, isSecure: boolean): string[] {
    return this.take(present, isSecure, 0)
  }

  private take(present: ReadonlyMap<string, string> | undefined, isSecure: boolean, from: number): string[] {
    const fields: string[] = []
    for (let index = from; index < MAX_CHUNKS; index++) {
      const name = this.nameOf(index)
      if (present?.has(name) === true) fields.push(`${name}=${this.suffix(isSecure)}; Max-Age=0`)
    }
    return fields
  }

  private nameOf(index: number): string {
    return index === 0 ? this.name : `${this.name}_${index}`
  }

  private suffix(isSecure: boolean): string {
    return (this.secure ?? isSecure) ? `${this.attributes}; Secure` : this.attributes
  }
}

const ZERO = 48
