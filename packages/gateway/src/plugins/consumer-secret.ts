import { Type } from '../schema/type.ts'

/**
 * Schema of a secret on a consumer. A reference as APISIX has it is refused, because it is not resolved there: taken
 * for the secret itself, `$env://KEY` would let in whoever knows the configuration.
 */
export const consumerSecret = (description: string) =>
  Type.String({
    minLength: 1,
    pattern: '^(?!\\$(?:env|secret)://)[^\\x00-\\x1f\\x7f]+$',
    patternErrorMessage: 'may not hold control characters or be a reference, which is not resolved here',
    remedy: 'for the value of an environment variable write "${{NAME}}"',
    description,
  })
