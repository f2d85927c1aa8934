import { createPublicKey, type KeyObject } from 'node:crypto'
import { compactVerify, decodeJwt, errors, type JWTPayload } from 'jose'
import type { GatewaySession } from '../../session.ts'
import { ASYMMETRIC } from '../jwt/algorithms.ts'
import { KeysUnavailable } from '../jwt/remote-keys.ts'
import { audienceProblem, issuerProblem, lacksScopes, timeProblem } from './claims.ts'
import { Introspection } from './introspection.ts'
import type { Provider } from './provider.ts'
import { detached, Recent } from '../authentication/recent.ts'
import type { OidcConfig } from './schema.ts'
import type { ClaimSchema } from './claim-schema.ts'
import { type Claims, nowInSeconds } from './session.ts'
import { type Told, whatToTell } from './upstream-fields.ts'

/** Longer ones are refused before they are looked at. */
const MAX_TOKEN_LENGTH = 16_384

export const MALFORMED = Symbol('malformed')

/** What a token came to. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly told: Told }
  /** `reason` is for the caller: fixed texts, nothing of what a stranger sent. */
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'forbidden'; readonly reason: string }

interface Known {
  readonly verdict: Verdict
  /** Seconds since 1970. */
  readonly until: number
  /** Of the provider's keys that it was checked with; 0 otherwise. */
  readonly generation: number
}

/** The token of a request: of `Authorization`, or `X-Access-Token`; MALFORMED: there is one that is none. */
export function presentedToken({ request: { headers } }: GatewaySession): string | typeof MALFORMED | undefined {
  const field = headers.get('authorization')
  if (field === undefined) return headers.get('x-access-token')
  const match = /^([^ ]+) +([^ ,]+)$/.exec(field)
  if (match === null) return /^bearer/i.test(field) ? MALFORMED : undefined
  return match[1].toLowerCase() === 'bearer' ? match[2] : undefined
}

/** Checks access tokens that requests bring: with a key, with the keys of the provider, or by asking it. Verdicts on right tokens are kept. */
export class BearerTokens {
  private readonly config: OidcConfig
  private readonly provider: Provider
  private readonly key: KeyObject | undefined
  private readonly algorithms: string[]
  private readonly introspection: Introspection | undefined
  private readonly claimSchema: ClaimSchema | undefined
  private readonly known = new Recent<Known>()

  constructor(config: OidcConfig, provider: Provider, claimSchema: ClaimSchema | undefined) {
    const { public_key: key, token_signing_alg_values_expected: alg } = config
    this.config = config
    this.provider = provider
    this.claimSchema = claimSchema
    this.key = key === undefined ? undefined : createPublicKey(key)
    this.algorithms = alg === undefined ? [...ASYMMETRIC] : [alg]
    this.introspection = key === undefined && !config.use_jwks ? new Introspection(config, provider) : undefined
  }

  /** The verdict that is kept. */
  recall(token: string): Verdict | undefined {
    const known = this.known.get(token)
    if (known === undefined) return undefined
    if (known.until > nowInSeconds() && (known.generation === 0 || known.generation === this.generation())) {
      return known.verdict
    }
    this.known.delete(token)
    return undefined
  }

  /** Rejects (ServiceFailure, KeysUnavailable) when nobody can say. */
  async judge(token: string, session: GatewaySession): Promise<Verdict> {
    if (token.length > MAX_TOKEN_LENGTH) return { kind: 'invalid', reason: 'the token is too long' }
    const { introspection, config } = this
    let claims: Claims | undefined
    let keepFor = 0
    let generation = 0
    if (introspection !== undefined) {
      const answer = await introspection.ask(token, session)
      claims = answer?.claims
      keepFor = answer?.keepForSeconds ?? 0
    } else {
      claims = await this.verified(token)
      generation = this.key === undefined ? (this.generation() ?? 0) : 0
      keepFor =
        config.jwt_verification_cache_ignore || claims === undefined ? 0 : Number(claims['exp']) - nowInSeconds()
    }
    if (claims === undefined) return { kind: 'invalid', reason: 'the token is not valid' }
    const verdict = await this.weigh(token, claims)
    if (verdict.kind === 'accepted' && keepFor > 0) {
      this.known.set(detached(token), { verdict, until: nowInSeconds() + keepFor, generation })
    }
    return verdict
  }

  private generation(): number | undefined {
    return this.provider.current?.keys?.generation(performance.now())
  }

  private async verified(token: string): Promise<Claims | undefined> {
    const options = { algorithms: this.algorithms }
    try {
      if (this.key !== undefined) await compactVerify(token, this.key, options)
      else await this.verifyRemotely(token, options)
      const claims: JWTPayload = decodeJwt(token)
      return claims
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined
      throw error
    }
  }

  private async verifyRemotely(token: string, options: { algorithms: string[] }): Promise<void> {
    const { keys } = await this.provider.discovered()
    if (keys === undefined) throw new KeysUnavailable('the provider names no keys')
    const now = performance.now()
    try {
      await compactVerify(token, await keys.current(now), options)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      // The provider may have changed its keys.
      const renewed = await keys.renewed(now)
      if (renewed === undefined) throw error
      await compactVerify(token, renewed, options)
    }
  }

  private async weigh(token: string, claims: Claims): Promise<Verdict> {
    const { config, introspection } = this
    const wrong =
      timeProblem(claims, config, introspection === undefined) ??
      issuerProblem(claims, await this.issuers(), introspection === undefined)
    if (wrong !== undefined) return { kind: 'invalid', reason: wrong }
    const forbidden = lacksScopes(claims['scope'], config.required_scopes) ?? audienceProblem(claims, config)
    if (forbidden !== undefined) return { kind: 'forbidden', reason: forbidden }
    if (this.claimSchema !== undefined && !(await this.claimSchema.fits({ access_token: token, user: claims }))) {
      return { kind: 'invalid', reason: 'the claims are not as this route wants them' }
    }
    return { kind: 'accepted', told: whatToTell({ accessToken: token, user: claims }, config) }
  }

  /** undefined: any, as the provider itself was asked about the token. */
  private async issuers(): Promise<readonly string[] | undefined> {
    const configured = this.config.claim_validator?.issuer?.valid_issuers
    if (configured !== undefined || this.introspection !== undefined) return configured
    return [(await this.provider.discovered()).metadata.issuer]
  }
}
