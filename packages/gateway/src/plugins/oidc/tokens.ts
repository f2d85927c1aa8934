import { decodeJwt } from 'jose'
import type { TokenEndpointResponse, UserInfoResponse } from 'openid-client'
import type { Discovered } from './provider.ts'
import type { OidcConfig } from './schema.ts'
import { nowInSeconds, type Claims, type SessionData } from './session.ts'

/** Of an access token whose lifetime the provider does not tell. */
const USUAL_LIFETIME_SECONDS = 3_600

const expiresAt = ({ expires_in: seconds }: TokenEndpointResponse, config: OidcConfig, now: number): number =>
  now + (seconds ?? config.access_token_expires_in ?? USUAL_LIFETIME_SECONDS)

/** The session of somebody who just signed in. @param subject of the ID token */
export function newSession(
  tokens: TokenEndpointResponse,
  subject: string,
  user: Claims | undefined,
  config: OidcConfig,
): SessionData {
  const now = nowInSeconds()
  return {
    sub: subject,
    createdAt: now,
    seenAt: now,
    authenticatedAt: now,
    accessToken: tokens.access_token,
    accessTokenExpiresAt: expiresAt(tokens, config, now),
    // Left out, it is what was asked for (RFC 6749 section 5.1).
    scope: tokens.scope ?? config.scope,
    refreshToken: tokens.refresh_token,
    idToken: tokens.id_token,
    user,
  }
}

/** The session with new tokens. */
function renewedSession(session: SessionData, tokens: TokenEndpointResponse, config: OidcConfig): SessionData {
  const now = nowInSeconds()
  return {
    ...session,
    seenAt: now,
    accessToken: tokens.access_token,
    accessTokenExpiresAt: expiresAt(tokens, config, now),
    scope: tokens.scope ?? session.scope,
    refreshToken: tokens.refresh_token ?? session.refreshToken,
    idToken: tokens.id_token ?? session.idToken,
  }
}

/** What the provider says of the user, where somebody wants to know. */
export function readUser(
  { metadata, library, client, dpop }: Discovered,
  tokens: TokenEndpointResponse,
  subject: string,
  config: OidcConfig,
): Promise<UserInfoResponse> | undefined {
  if (metadata.userinfo_endpoint === undefined) return undefined
  if (!config.set_userinfo_header && config.claim_schema === undefined) return undefined
  return library.fetchUserInfo(client, tokens.access_token, subject, dpop === undefined ? {} : { DPoP: dpop })
}

/** For so long a refresh token leads to what it was exchanged for. */
const REMEMBER_MS = 30_000
const MAX_REMEMBERED = 10_000

/**
 * Exchanges refresh tokens. A page asks for twenty things at once, and each request brings the same session: they share one exchange, as do those that
 * come moments later with the old cookie, because providers take a refresh token that is used twice for a stolen one.
 */
export class Renewals {
  private readonly config: OidcConfig
  private readonly exchanges = new Map<string, Promise<SessionData>>()

  constructor(config: OidcConfig) {
    this.config = config
  }

  /** Rejects as the library does. */
  renew(provider: Discovered, session: SessionData & { readonly refreshToken: string }): Promise<SessionData> {
    const { refreshToken } = session
    const known = this.exchanges.get(refreshToken)
    if (known !== undefined) return known
    const made = this.exchange(provider, session)
    if (this.exchanges.size >= MAX_REMEMBERED) this.exchanges.delete(this.exchanges.keys().next().value as string)
    this.exchanges.set(refreshToken, made)
    const forget = (): void => {
      if (this.exchanges.get(refreshToken) === made) this.exchanges.delete(refreshToken)
    }
    made.then(() => setTimeout(forget, REMEMBER_MS).unref(), forget)
    return made
  }

  private async exchange(
    { library, client, dpop }: Discovered,
    session: SessionData & { readonly refreshToken: string },
  ): Promise<SessionData> {
    const options = dpop === undefined ? {} : { DPoP: dpop }
    const tokens = await library.refreshTokenGrant(client, session.refreshToken, undefined, options)
    // OpenID Connect Core section 12.2: it has to be of the same person.
    if (tokens.id_token !== undefined && decodeJwt(tokens.id_token).sub !== session.sub) {
      throw new Error('the renewed ID token is of somebody else')
    }
    return renewedSession(session, tokens, this.config)
  }
}
