/** The payload of a token. */
export type Claims = Readonly<Record<string, unknown>>

/** What a route asks of the claims of a token. */
export interface ClaimRules {
  readonly checksExp: boolean
  readonly checksNbf: boolean
  /** Claims that must be there. */
  readonly required: readonly string[]
}

/** What a consumer says of the claims of its tokens. */
export interface ConsumerClaims {
  /** Longest age, in seconds since `iat`. */
  readonly exp?: number | undefined
  /** Seconds that clocks may differ by. */
  readonly lifetime_grace_period: number
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/**
 * Why the claims of a token are not good now; undefined: they are. Times are seconds since 1970 (RFC 7519 section 2, NumericDate), `now` is
 * milliseconds.
 */
export function claimProblem(
  claims: Claims,
  rules: ClaimRules,
  consumer: ConsumerClaims,
  now: number,
): string | undefined {
  const { exp, nbf, iat } = claims
  const seconds = now / 1_000
  const grace = consumer.lifetime_grace_period
  if (rules.checksExp && exp !== undefined) {
    if (typeof exp !== 'number') return 'the claim "exp" is no number'
    if (seconds >= exp + grace) return 'the token has expired'
  }
  if (rules.checksNbf && nbf !== undefined) {
    if (typeof nbf !== 'number') return 'the claim "nbf" is no number'
    if (seconds < nbf - grace) return 'the token is not valid yet'
  }
  if (consumer.exp !== undefined && iat !== undefined) {
    if (typeof iat !== 'number') return 'the claim "iat" is no number'
    if (seconds >= iat + consumer.exp + grace) return 'the token is too old'
  }
  for (const name of rules.required) if (!Object.hasOwn(claims, name)) return `the token has no claim "${name}"`
  if (consumer.issuer !== undefined && claims['iss'] !== consumer.issuer) return 'the token is of another issuer'
  if (consumer.audience !== undefined && !isFor(claims['aud'], consumer.audience))
    return 'the token is for somebody else'
  return undefined
}

/** RFC 7519 section 4.1.3: one audience, or a list. */
const isFor = (written: unknown, audience: string): boolean =>
  Array.isArray(written) ? written.includes(audience) : written === audience
