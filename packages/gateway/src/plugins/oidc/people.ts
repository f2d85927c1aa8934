import { LogThrottle } from '@sekisho/proxy'
import { decodeJwt } from 'jose'
import type { GatewaySession } from '../../session.ts'
import { ServiceFailure } from '../../side-calls/index.ts'
import type { PluginContext, PluginLogger } from '../context.ts'
import { isNavigation, RedirectAddress, targetOf } from './addresses.ts'
import { plain, redirect, redirectByPage, unauthorized, unavailable } from './answers.ts'
import type { ClaimSchema } from './claim-schema.ts'
import { lacksScopes } from './claims.ts'
import { type Pending, PendingSignIns } from './pending.ts'
import type { Provider } from './provider.ts'
import { RedisSessions, SessionsUnavailable } from './redis-sessions.ts'
import type { OidcConfig } from './schema.ts'
import { needsRenewal, nowInSeconds, type SessionData, SessionLife } from './session.ts'
import type { SessionConfig } from './session-schema.ts'
import { type OwnCookies, SessionStore } from './session-store.ts'
import { endSession } from './sign-out.ts'
import { newSession, readUser, Renewals } from './tokens.ts'
import { tell, type Told, whatToTell } from './upstream-fields.ts'

/** What sign-ins need beside their configuration. */
export interface PeopleOptions {
  readonly config: OidcConfig
  readonly session: SessionConfig
  readonly provider: Provider
  readonly claimSchema: ClaimSchema | undefined
  readonly logger: PluginLogger
  readonly metrics: PluginContext['metrics']
  readonly scope: string
  /** Has the response bring cookies. */
  readonly setCookies: (session: GatewaySession, cookies: readonly string[]) => void
}

/** Lets in people who signed in at the provider, by the code flow (OpenID Connect Core section 3.1), and sends the others there. */
export class People {
  private readonly options: PeopleOptions
  private readonly store: SessionStore
  private readonly life: SessionLife
  private readonly pending: PendingSignIns
  private readonly address: RedirectAddress
  private readonly renewals: Renewals
  private readonly throttle = new LogThrottle()
  private readonly told = new WeakMap<SessionData, Told>()

  constructor(options: PeopleOptions) {
    const { config, session } = options
    this.options = options
    this.life = new SessionLife(session)
    const redis = session.redis === undefined ? undefined : new RedisSessions(session.redis, options)
    this.store = new SessionStore(config, session, this.life, redis)
    this.pending = new PendingSignIns(config, session)
    this.address = new RedirectAddress(config.redirect_uri)
    this.renewals = new Renewals(config)
  }

  /** Without a wait for somebody whose session is in order. */
  handle(session: GatewaySession): void | Promise<void> {
    const { config } = this.options
    const cookies = this.store.cookies(session)
    if (session.ctx.path === config.logout_path) return this.signOut(session, cookies)
    if (this.address.matches(session)) return this.comeBack(session, cookies)
    const data = this.store.read(cookies)
    if (data instanceof Promise) return this.whenRead(session, data, cookies)
    return this.withSession(session, data, cookies)
  }

  close(): void {
    this.store.close()
  }

  private async whenRead(
    session: GatewaySession,
    reading: Promise<SessionData | undefined>,
    cookies: OwnCookies,
  ): Promise<void> {
    let data: SessionData | undefined
    try {
      data = await reading
    } catch {
      // The link to Redis counted and logged what went wrong.
      return session.respond(503, { message: 'sessions cannot be read' })
    }
    return session.finishedAt === 0 ? this.withSession(session, data, cookies) : undefined
  }

  private withSession(
    session: GatewaySession,
    data: SessionData | undefined,
    cookies: OwnCookies,
  ): void | Promise<void> {
    const { config } = this.options
    const now = nowInSeconds()
    if (data === undefined || this.life.isOver(data, now)) return this.withoutSession(session, cookies)
    if (needsRenewal(data, config, now)) return this.renew(session, data, cookies)
    const { refresh_session_interval: interval } = config
    if (interval !== undefined && now - data.authenticatedAt >= interval && isQuestion(session)) {
      return this.signIn(session, cookies, targetOf(session), true)
    }
    if (this.life.isToTouch(data, now)) return this.keep(session, { ...data, seenAt: now }, cookies)
    return this.accept(session, data)
  }

  private accept(session: GatewaySession, data: SessionData): void {
    const { config } = this.options
    const lacking = lacksScopes(data.scope, config.required_scopes)
    if (lacking !== undefined) return session.respond(403, { error: lacking })
    let told = this.told.get(data)
    if (told === undefined) {
      const { accessToken, idToken, refreshToken, user } = data
      const idClaims = idToken === undefined ? undefined : decodeJwt(idToken)
      told = whatToTell({ accessToken, idToken, idClaims, refreshToken, user }, config)
      this.told.set(data, told)
    }
    this.store.hide(session)
    tell(session, told)
    return undefined
  }

  /** Lets the request on, and keeps what is new. */
  private keep(session: GatewaySession, data: SessionData, cookies: OwnCookies): void | Promise<void> {
    const written = this.store.update(data, cookies, this.isSecure(session))
    if (!(written instanceof Promise)) return this.kept(session, data, written)
    return written.then(
      (fields) => this.kept(session, data, fields),
      () => session.respond(503, { message: 'sessions cannot be written' }),
    )
  }

  private kept(session: GatewaySession, data: SessionData, written: string[] | undefined): void {
    if (written === undefined) return this.tooLarge(session)
    this.options.setCookies(session, written)
    return this.accept(session, data)
  }

  private withoutSession(session: GatewaySession, cookies: OwnCookies): void | Promise<void> {
    const { unauth_action: action, realm } = this.options.config
    if (action === 'pass') return this.store.hide(session)
    if (action === 'deny' || !isNavigation(session)) return unauthorized(session, realm, 'nobody is signed in')
    return this.signIn(session, cookies, targetOf(session), false)
  }

  private async renew(session: GatewaySession, data: SessionData, cookies: OwnCookies): Promise<void> {
    const { refreshToken } = data
    if (refreshToken === undefined) return this.withoutSession(session, cookies)
    let renewed: SessionData
    try {
      renewed = await this.renewals.renew(await this.options.provider.discovered(), { ...data, refreshToken })
    } catch (error) {
      if (isAway(error)) return unavailable(session)
      this.tell('a session could not be renewed', error)
      return this.withoutSession(session, cookies)
    }
    if (session.finishedAt !== 0) return undefined
    return this.keep(session, renewed, cookies)
  }

  private async signIn(session: GatewaySession, cookies: OwnCookies, target: string, silent: boolean): Promise<void> {
    const { config, provider } = this.options
    try {
      const { library, client, pushing, dpop } = await provider.discovered()
      const pending: Pending = {
        state: this.pending.newState(cookies),
        nonce: config.use_nonce ? library.randomNonce() : undefined,
        verifier: config.use_pkce ? library.randomPKCECodeVerifier() : undefined,
        redirectUri: this.address.for(session),
        target,
        silent,
        startedAt: nowInSeconds(),
      }
      const parameters = new URLSearchParams({
        redirect_uri: pending.redirectUri,
        scope: config.scope,
        state: pending.state,
      })
      for (const [name, value] of Object.entries(config.authorization_params ?? {})) parameters.set(name, String(value))
      if (pending.nonce !== undefined) parameters.set('nonce', pending.nonce)
      if (silent) parameters.set('prompt', 'none')
      if (pending.verifier !== undefined) {
        parameters.set('code_challenge', await library.calculatePKCECodeChallenge(pending.verifier))
        parameters.set('code_challenge_method', 'S256')
      }
      const url =
        config.par?.enabled === true
          ? await library.buildAuthorizationUrlWithPAR(pushing, parameters, dpop === undefined ? {} : { DPoP: dpop })
          : library.buildAuthorizationUrl(client, parameters)
      redirect(session, url.href, this.pending.write(pending, cookies, this.isSecure(session)))
    } catch (error) {
      if (!isAway(error)) this.tell('a sign-in could not begin', error)
      unavailable(session)
    }
  }

  /** The provider sent somebody back. */
  private async comeBack(session: GatewaySession, cookies: OwnCookies): Promise<void> {
    const { config, provider, claimSchema } = this.options
    const query = new URLSearchParams(session.request.query)
    const state = query.get('state') ?? ''
    const pending = this.pending.find(state, cookies)
    if (pending === undefined) {
      return plain(session, 400, 'this sign-in was begun in another browser, or took too long; please try again')
    }
    const isSecure = this.isSecure(session)
    const gone = this.pending.remove(state, cookies, isSecure)
    if (query.has('error')) {
      if (pending.silent) return this.signIn(session, withoutCookie(cookies, gone), pending.target, false)
      return plain(session, 401, 'the identity provider did not sign you in', gone)
    }
    try {
      const discovered = await provider.discovered()
      const { library, client, dpop } = discovered
      const url = new URL(pending.redirectUri)
      url.search = session.request.query
      const checks = {
        expectedState: state,
        idTokenExpected: true,
        ...(pending.nonce === undefined ? {} : { expectedNonce: pending.nonce }),
        ...(pending.verifier === undefined ? {} : { pkceCodeVerifier: pending.verifier }),
      }
      const tokens = await library.authorizationCodeGrant(
        client,
        url,
        checks,
        undefined,
        dpop === undefined ? {} : { DPoP: dpop },
      )
      const claims = tokens.claims()
      if (claims === undefined || claims.iat > nowInSeconds() + config.iat_slack)
        throw new Error('the ID token was issued in the future')
      const user = await readUser(discovered, tokens, claims.sub, config)
      const facts = { access_token: tokens.access_token, id_token: claims, user }
      if (claimSchema !== undefined && !(await claimSchema.fits(JSON.parse(JSON.stringify(facts)) as object))) {
        return plain(session, 401, 'the identity provider does not say of you what this route wants to know', gone)
      }
      const written = await this.store.create(newSession(tokens, claims.sub, user, config), cookies, isSecure)
      if (written === undefined) return this.tooLarge(session)
      const arrive = this.options.session.cookie_same_site === 'Strict' ? redirectByPage : redirect
      return arrive(session, pending.target, [...written, ...gone])
    } catch (error) {
      if (isAway(error)) return unavailable(session)
      this.tell('a sign-in failed', error)
      return plain(session, 401, 'the identity provider did not sign you in', gone)
    }
  }

  private async signOut(session: GatewaySession, cookies: OwnCookies): Promise<void> {
    const data = await Promise.resolve(this.store.read(cookies)).catch(() => undefined)
    return endSession(session, this.options, data, () => this.store.remove(cookies, this.isSecure(session)))
  }

  private tooLarge(session: GatewaySession): void {
    const message =
      'a session is too large for cookies; turn "set_…_header" options off, or have the provider issue smaller tokens'
    this.tell(message, undefined)
    plain(session, 500, 'the session cannot be kept')
  }

  private isSecure({ secure }: GatewaySession): boolean {
    return secure || this.options.config.redirect_uri?.startsWith('https:') === true
  }

  /** Once a second at most: strangers can have any number of sign-ins fail. */
  private tell(message: string, error: unknown): void {
    if (this.throttle.holds(message)) return
    const { logger, scope } = this.options
    logger.warn({ plugin: 'openid-connect', place: scope, reason: reasonOf(error) }, `openid-connect: ${message}`)
  }
}

/** A request that may leave for the provider and come back as what it was. */
const isQuestion = (session: GatewaySession): boolean => session.ctx.method === 'GET' && isNavigation(session)

function withoutCookie(cookies: OwnCookies, gone: readonly string[]): OwnCookies {
  const names = new Set(gone.map((field) => field.slice(0, field.indexOf('='))))
  return cookies === undefined ? undefined : new Map([...cookies].filter(([name]) => !names.has(name)))
}

/** The library wraps what the connection said. */
function isAway(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof ServiceFailure || cause instanceof SessionsUnavailable) return true
  return false
}

/** For the log: what the library says, and why, without what it was about. */
function reasonOf(error: unknown): string | undefined {
  const parts: string[] = []
  for (let cause = error; cause instanceof Error && parts.length < 4; cause = cause.cause) parts.push(cause.message)
  return parts.length === 0 ? undefined : parts.join(': ').slice(0, 500)
}
