import type { OidcConfig } from './schema.ts'
import { type Claims, nowInSeconds } from './session.ts'

/** What is wrong with the times of a token. @param strict it has to say when it expires */
export function timeProblem(
  { exp, nbf, iat }: Claims,
  { iat_slack: slack }: OidcConfig,
  strict: boolean,
): string | undefined {
  const now = nowInSeconds()
  if (typeof exp !== 'number') {
    if (strict || exp !== undefined) return 'the token does not say when it expires'
  } else if (exp <= now) return 'the token has expired'
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf > now + slack)) return 'the token does not hold yet'
  if (iat !== undefined && (typeof iat !== 'number' || iat > now + slack)) return 'the token was issued in the future'
  return undefined
}

/** @param valid undefined: any. @param strict it has to name one */
export function issuerProblem(
  { iss }: Claims,
  valid: readonly string[] | undefined,
  strict: boolean,
): string | undefined {
  if (valid === undefined || (iss === undefined && !strict)) return undefined
  return typeof iss === 'string' && valid.includes(iss) ? undefined : 'the token is of another issuer'
}

export function audienceProblem(
  claims: Claims,
  { claim_validator: validator, client_id: id }: OidcConfig,
): string | undefined {
  const options = validator?.audience
  if (options === undefined) return undefined
  const audience = Object.hasOwn(claims, options.claim) ? claims[options.claim] : undefined
  if (audience === undefined) return options.required ? 'required audience claim not present' : undefined
  if (!options.match_with_client_id) return undefined
  const matches = Array.isArray(audience) ? audience.includes(id) : audience === id
  return matches ? undefined : 'mismatched audience'
}

/** @param granted as a token says it: separated by spaces, or a list */
export function lacksScopes(granted: unknown, required: readonly string[] | undefined): string | undefined {
  if (required === undefined || required.length === 0) return undefined
  const scopes: unknown[] = Array.isArray(granted) ? granted : typeof granted === 'string' ? granted.split(' ') : []
  return required.every((scope) => scopes.includes(scope))
    ? undefined
    : `required scopes ${required.join(', ')} not present`
}
