import type { AdminContext } from '../admin-options.ts'
import { badRequest } from './admin-error.ts'

/** A whole number in the query; undefined when it is left out. */
export function wholeNumber(
  c: AdminContext,
  name: string,
  limits: { readonly min: number; readonly max?: number },
): number | undefined {
  const written = c.req.query(name)
  if (written === undefined) return undefined
  const { min, max = Number.MAX_SAFE_INTEGER } = limits
  const number = /^[0-9]{1,16}$/.test(written) ? Number(written) : NaN
  if (number >= min && number <= max) return number
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `between ${min} and ${max}`
  throw badRequest(`invalid argument ${name}: should be a number, whole and ${range}`)
}

/** `?name=true`; `false` and nothing are no. */
export function flag(c: AdminContext, name: string): boolean {
  const written = c.req.query(name)
  if (written === undefined || written === 'false') return false
  if (written === 'true') return true
  throw badRequest(`invalid argument ${name}: write "true" or "false"`)
}
