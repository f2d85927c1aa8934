import { Type } from '../../schema/type.ts'
import { toNumber } from '../../expressions/to-number.ts'
import type { RequestContext } from '../../request-context.ts'
import type { ConfigProblem } from '../definition.ts'
import { compileLimitText, namesVariables } from './text.ts'

/** Reads a whole number from a request; NaN when there is none that may be used. */
export type NumberReader = (context: RequestContext) => number

/** A whole number, or a text with variables that makes one: `${http_x_quota ?? 10}`. */
export const wholeNumber = (minimum: 0 | 1, description: string) =>
  Type.Union([Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER }), Type.String()], {
    description: `${description}; a whole number, or a text with variables that makes one`,
  })

/**
 * Compiles a number of a limit. What a text makes of a request must be a whole number from `minimum` to 2^53 - 1, for it may come from the
 * client: `-1`, `1e999` and `many` give NaN.
 */
export function numberReader(value: number | string, minimum: 0 | 1): NumberReader {
  if (typeof value === 'number') return () => value
  if (!namesVariables(value)) {
    const constant = usable(toNumber(value), minimum)
    return () => constant
  }
  const text = compileLimitText(value)
  return (context) => usable(toNumber(text(context)), minimum)
}

const usable = (number: number, minimum: number): number =>
  Number.isSafeInteger(number) && number >= minimum ? number : Number.NaN

/** What is wrong with a number that no request can change. */
export function checkNumber(
  value: number | string | undefined,
  minimum: 0 | 1,
  path: string,
): ConfigProblem | undefined {
  if (typeof value !== 'string' || namesVariables(value) || !Number.isNaN(usable(toNumber(value), minimum)))
    return undefined
  return {
    path,
    message: `is not a whole number from ${minimum}; write a number, or a text with a variable such as "\${http_x_quota ?? 10}"`,
  }
}
