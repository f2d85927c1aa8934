import type { OidcConfig } from './schema.ts'
import type { SessionConfig } from './session-schema.ts'

/** Claims of a token, or what the provider says of a user. */
export type Claims = Readonly<Record<string, unknown>>

/** Of somebody who signed in. Times in seconds since 1970. */
export interface SessionData {
  readonly sub: string
  readonly createdAt: number
  /** When the session's cookie was written last. */
  readonly seenAt: number
  /** When the provider said last that the user is there. */
  readonly authenticatedAt: number
  readonly accessToken: string
  readonly accessTokenExpiresAt: number
  readonly scope: string
  readonly refreshToken?: string | undefined
  /** As it was signed: for signing out, and for the upstream. */
  readonly idToken?: string | undefined
  readonly user?: Claims | undefined
}

export const isSessionData = (value: unknown): value is SessionData =>
  typeof value === 'object' && value !== null && typeof (value as SessionData).accessToken === 'string'

export const nowInSeconds = (): number => Math.floor(Date.now() / 1_000)

/** When sessions end. */
export class SessionLife {
  private readonly idle: number
  private readonly absolute: number
  private readonly touchAfter: number

  constructor(config: SessionConfig) {
    const { idling_timeout: idling, rolling_timeout: rolling, absolute_timeout: absolute } = config
    // Both end with the last request that wrote the cookie; whichever is shorter is felt.
    this.idle = Math.min(idling || Infinity, rolling || Infinity)
    this.absolute = (absolute ?? config.cookie?.lifetime ?? 86_400) || Infinity
    this.touchAfter = this.idle / 4
  }

  isOver({ createdAt, seenAt }: SessionData, now: number): boolean {
    return now - seenAt >= this.idle || now - createdAt >= this.absolute
  }

  /** How long it lasts without another request, in seconds; a day where nothing ends it. */
  secondsLeft({ createdAt }: SessionData, now: number): number {
    const left = Math.min(this.idle, createdAt + this.absolute - now)
    return left === Infinity ? 86_400 : Math.max(1, Math.ceil(left))
  }

  /** Whether the cookie is to be written anew, as there was a request. Not with each: a response with it has bytes more. */
  isToTouch({ seenAt }: SessionData, now: number): boolean {
    return now - seenAt >= this.touchAfter
  }
}

/** Whether another access token is needed. */
export function needsRenewal({ accessTokenExpiresAt }: SessionData, config: OidcConfig, now: number): boolean {
  return config.renew_access_token_on_expiry && now >= accessTokenExpiresAt - config.access_token_expires_leeway
}
