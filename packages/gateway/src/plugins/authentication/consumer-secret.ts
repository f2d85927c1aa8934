import { Type } from '../../schema/type.ts'

/** Schema of a secret on a consumer. References (`$env://NAME`) have been resolved when it is checked: one that could not be is a mistake of its own. */
export const consumerSecret = (description: string) =>
  Type.String({
    minLength: 1,
    pattern: '^[^\\x00-\\x1f\\x7f]+$',
    patternErrorMessage: 'may not hold control characters',
    description,
  })
