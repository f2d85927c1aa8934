import { randomBytes, randomInt } from 'node:crypto'
import { CookieJar } from './cookies.ts'
import type { OidcConfig } from './schema.ts'
import { Seal } from './seal.ts'
import { nowInSeconds } from './session.ts'
import type { SessionConfig } from './session-schema.ts'
import { type OwnCookies, purposeOf } from './session-store.ts'

/** A sign-in that was begun. */
export interface Pending {
  readonly state: string
  readonly nonce: string | undefined
  /** The code verifier of PKCE. */
  readonly verifier: string | undefined
  readonly redirectUri: string
  /** Where the user goes then. */
  readonly target: string
  /** Without a window: the provider was told not to ask anything. */
  readonly silent: boolean
  /** Seconds since 1970. */
  readonly startedAt: number
}

/** In several windows at a time. Each has a cookie, and all cookies together have to fit into a request. */
const SLOTS = 4
/** Time to find the password. */
const LIFETIME_SECONDS = 900

/** Keeps sign-ins that were begun in the browser that began them: nobody can be signed in as somebody else by following a link. */
export class PendingSignIns {
  private readonly jars: readonly CookieJar[]
  private readonly seal: Seal

  constructor(config: OidcConfig, session: SessionConfig) {
    // Whoever comes back comes from another site, to which a strict cookie would not be sent.
    const sameSite = session.cookie_same_site === 'Strict' ? 'Lax' : session.cookie_same_site
    const options = { ...session, cookie_http_only: true }
    this.jars = Array.from(
      { length: SLOTS },
      (_, slot) => new CookieJar(options, `${session.cookie_name}_login_${slot}`, sameSite),
    )
    this.seal = new Seal(session.secret, purposeOf('sign-in', config))
  }

  /** A state for a new sign-in: the place of its cookie, and 256 bits. */
  newState(cookies: OwnCookies): string {
    const free = this.jars.flatMap((jar, slot) => (cookies?.has(jar.name) === true ? [] : [slot]))
    const slot = free.length > 0 ? free[randomInt(free.length)] : randomInt(SLOTS)
    return `${slot}.${randomBytes(32).toString('base64url')}`
  }

  write(pending: Pending, cookies: OwnCookies, isSecure: boolean): string[] {
    return this.jarOf(pending.state)?.write(this.seal.seal(pending), isSecure, cookies) ?? []
  }

  /** The sign-in that this state belongs to, if this browser began it. */
  find(state: string, cookies: OwnCookies): Pending | undefined {
    const text = this.jarOf(state)?.read(cookies)
    const pending = text === undefined ? undefined : (this.seal.open(text) as Pending | undefined)
    if (pending?.state !== state || nowInSeconds() - pending.startedAt > LIFETIME_SECONDS) return undefined
    return pending
  }

  remove(state: string, cookies: OwnCookies, isSecure: boolean): string[] {
    return this.jarOf(state)?.remove(cookies, isSecure) ?? []
  }

  private jarOf(state: string): CookieJar | undefined {
    return /^\d\./.test(state) ? this.jars[Number(state[0])] : undefined
  }
}
