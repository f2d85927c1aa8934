import { randomBytes } from 'node:crypto'
import type { GatewaySession } from '../../session.ts'
import { CookieJar, MAX_CHARACTERS, sortCookies } from './cookies.ts'
import { detached, Recent } from '../authentication/recent.ts'
import type { RedisSessions } from './redis-sessions.ts'
import type { OidcConfig } from './schema.ts'
import { Seal } from './seal.ts'
import { isSessionData, nowInSeconds, type SessionData, type SessionLife } from './session.ts'
import type { SessionConfig } from './session-schema.ts'

/** Cookies of a request that are ours, by name. */
export type OwnCookies = ReadonlyMap<string, string> | undefined

/** Set-Cookie fields; undefined: there are none that could hold it. */
type FieldsOrPromise = string[] | undefined | Promise<string[] | undefined>

/** Everything that makes a session somebody's: the same secret on a route of another client opens nothing. */
export const purposeOf = (kind: string, { discovery, client_id }: OidcConfig): string =>
  JSON.stringify([kind, discovery, client_id])

/** Keeps sessions, encrypted: in the browser, or in a Redis, of which the browser then has the key. */
export class SessionStore {
  private readonly jar: CookieJar
  private readonly seal: Seal
  private readonly life: SessionLife
  private readonly redis: RedisSessions | undefined
  /** Sessions by what their cookies say: decrypting costs more than all else that a request does here. */
  private readonly opened = new Recent<{ readonly text: string; readonly data: SessionData }>(MAX_KEY_CHARACTERS)

  constructor(config: OidcConfig, session: SessionConfig, life: SessionLife, redis: RedisSessions | undefined) {
    this.jar = new CookieJar(session)
    this.seal = new Seal(session.secret, purposeOf('session', config))
    this.life = life
    this.redis = redis
  }

  cookies({ request }: GatewaySession): OwnCookies {
    return sortCookies(request.headers.get('cookie'), this.jar.name, isOwn)?.own
  }

  /** A promise where it has to be asked for; that rejects with SessionsUnavailable. */
  read(cookies: OwnCookies): SessionData | undefined | Promise<SessionData | undefined> {
    const text = this.jar.read(cookies)
    if (text === undefined) return undefined
    if (this.redis !== undefined) return this.redis.read(text).then((sealed) => this.open(sealed))
    const key = text.slice(-KEY_CHARACTERS)
    const known = this.opened.get(key)
    if (known?.text === text) return known.data
    const data = this.open(text)
    if (data !== undefined) this.opened.set(detached(key), { text: detached(text), data })
    return data
  }

  /** Somebody signed in: the Set-Cookie fields; undefined: the session is too large for cookies. */
  create(data: SessionData, cookies: OwnCookies, isSecure: boolean): FieldsOrPromise {
    if (this.redis === undefined) return this.inCookies(data, cookies, isSecure)
    const id = randomBytes(32).toString('base64url')
    return this.redis
      .create(id, this.seal.seal(data), this.secondsOf(data))
      .then(() => this.jar.write(id, isSecure, cookies))
  }

  /** The same session with other contents. */
  update(data: SessionData, cookies: OwnCookies, isSecure: boolean): FieldsOrPromise {
    if (this.redis === undefined) return this.inCookies(data, cookies, isSecure)
    const id = this.jar.read(cookies) ?? ''
    return this.redis.update(id, this.seal.seal(data), this.secondsOf(data)).then(() => [])
  }

  /** The Set-Cookie fields that take it away. */
  async remove(cookies: OwnCookies, isSecure: boolean): Promise<string[]> {
    const text = this.jar.read(cookies)
    // What Redis still has when it cannot be reached ends by itself.
    if (text !== undefined) await this.redis?.remove(text).catch(() => undefined)
    return this.jar.remove(cookies, isSecure)
  }

  close(): void {
    this.redis?.close()
  }

  private open(sealed: string | undefined): SessionData | undefined {
    const data = sealed === undefined ? undefined : this.seal.open(sealed)
    return isSessionData(data) ? data : undefined
  }

  private inCookies(data: SessionData, cookies: OwnCookies, isSecure: boolean): string[] | undefined {
    const text = this.seal.seal(data)
    return text.length > MAX_CHARACTERS ? undefined : this.jar.write(text, isSecure, cookies)
  }

  private secondsOf(data: SessionData): number {
    return this.life.secondsLeft(data, nowInSeconds())
  }

  /** The upstream has no use for them, and they are long. */
  hide({ request }: GatewaySession): void {
    const sorted = sortCookies(request.headers.get('cookie'), this.jar.name, isOwn)
    if (sorted === undefined) return
    if (sorted.rest === '') request.headers.delete('cookie')
    else request.headers.set('Cookie', sorted.rest)
  }
}

/** The session, its chunks, and sign-ins on their way. */
const isOwn = (suffix: string): boolean => suffix === '' || /^(_\d|_login_\d)$/.test(suffix)

/** Cookies are kept by their ends, which hold the tag of what was sealed: a hash of all of it would be made for each request. */
const KEY_CHARACTERS = 40
/** Of one half: 500 sessions of some kilobytes. */
const MAX_KEY_CHARACTERS = 500 * KEY_CHARACTERS
