import type { GatewaySession } from '../../session.ts'
import { CookieJar, cookiesOf, MAX_CHARACTERS, withoutCookies } from './cookies.ts'
import { Recent } from './recent.ts'
import type { OidcConfig } from './schema.ts'
import { Seal } from './seal.ts'
import { isSessionData, type SessionData } from './session.ts'
import type { SessionConfig } from './session-schema.ts'

/** Cookies of a request that are ours, by name. */
export type OwnCookies = ReadonlyMap<string, string> | undefined

/** Everything that makes a session somebody's: the same secret on a route of another client opens nothing. */
export const purposeOf = (kind: string, { discovery, client_id }: OidcConfig): string =>
  JSON.stringify([kind, discovery, client_id])

/** Keeps sessions in the browser, encrypted. */
export class SessionStore {
  private readonly jar: CookieJar
  private readonly seal: Seal
  /** Sessions by what their cookies say: decrypting costs more than all else that a request does here. */
  private readonly opened = new Recent<SessionData>()

  constructor(config: OidcConfig, session: SessionConfig) {
    this.jar = new CookieJar(session)
    this.seal = new Seal(session.secret, purposeOf('session', config))
  }

  cookies({ request }: GatewaySession): OwnCookies {
    return cookiesOf(request.headers.get('cookie'), this.jar.name)
  }

  read(cookies: OwnCookies): SessionData | undefined {
    const text = this.jar.read(cookies)
    if (text === undefined) return undefined
    const known = this.opened.get(text)
    if (known !== undefined) return known
    const data = this.seal.open(text)
    if (!isSessionData(data)) return undefined
    this.opened.set(text, data)
    return data
  }

  /** The Set-Cookie fields; undefined: the session is too large for cookies. */
  write(data: SessionData, cookies: OwnCookies, isSecure: boolean): string[] | undefined {
    const text = this.seal.seal(data)
    return text.length > MAX_CHARACTERS ? undefined : this.jar.write(text, isSecure, cookies)
  }

  remove(cookies: OwnCookies, isSecure: boolean): string[] {
    return this.jar.remove(cookies, isSecure)
  }

  /** The upstream has no use for them, and they are long. */
  hide({ request }: GatewaySession): void {
    const field = request.headers.get('cookie')
    if (field === undefined || !field.includes(this.jar.name)) return
    const rest = withoutCookies(field, (name) => name.startsWith(this.jar.name) && isOwn(name, this.jar.name))
    if (rest === undefined) request.headers.delete('cookie')
    else if (rest !== field) request.headers.set('Cookie', rest)
  }
}

/** The session, its chunks, and sign-ins on their way. */
const isOwn = (name: string, base: string): boolean => /^(_\d|_login_\d)?$/.test(name.slice(base.length))
