import { failed, type Problems, type Shape, wrongType } from './shape.ts'

export interface TextConstraints {
  readonly min?: number
  readonly max?: number
  /** The pattern as the service model has it; it must match the whole text. */
  readonly pattern?: string
  readonly values?: readonly string[]
  /** Errors show the value; not what may be a secret. */
  readonly sensitive?: boolean
}

export function text(constraints: TextConstraints = {}): Shape<string> {
  const { min, max, pattern, values } = constraints
  const expression = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`)
  const violations = (value: string): string[] => {
    const found: string[] = []
    if (max !== undefined && value.length > max) found.push(`Member must have length less than or equal to ${max}`)
    if (min !== undefined && value.length < min) found.push(`Member must have length greater than or equal to ${min}`)
    if (expression !== undefined && !expression.test(value))
      found.push(`Member must satisfy regular expression pattern: ${pattern}`)
    if (values !== undefined && !values.includes(value))
      found.push(`Member must satisfy enum value set: [${values.join(', ')}]`)
    return found
  }
  return {
    type: 'a String',
    violations,
    read(value, at, problems) {
      if (typeof value !== 'string') throw wrongType(value, 'a String')
      report(violations(value), constraints.sensitive === true ? '***' : `'${shown(value)}'`, at, problems)
      return value
    },
  }
}

/** One of some words. */
export const oneOf = <const V extends string>(...values: readonly V[]): Shape<V> => text({ values }) as Shape<V>

export function integer({ min, max }: { readonly min?: number; readonly max?: number } = {}): Shape<number> {
  return number(min, max, 'an Integer', Number.isInteger)
}

export function decimal({ min, max }: { readonly min?: number; readonly max?: number } = {}): Shape<number> {
  return number(min, max, 'a Double', Number.isFinite)
}

function number(
  min: number | undefined,
  max: number | undefined,
  type: string,
  isKind: (value: number) => boolean,
): Shape<number> {
  const violations = (value: number): string[] => {
    const found: string[] = []
    if (max !== undefined && value > max) found.push(`Member must have value less than or equal to ${max}`)
    if (min !== undefined && value < min) found.push(`Member must have value greater than or equal to ${min}`)
    return found
  }
  return {
    type,
    violations,
    read(value, at, problems) {
      if (typeof value !== 'number' || !isKind(value)) throw wrongType(value, type)
      report(violations(value), `'${value}'`, at, problems)
      return value
    },
  }
}

export function flag(): Shape<boolean> {
  return {
    type: 'a Boolean',
    violations: () => [],
    read(value) {
      if (typeof value !== 'boolean') throw wrongType(value, 'a Boolean')
      return value
    },
  }
}

/** Base64 of bytes. */
export function blob(): Shape<Buffer> {
  return {
    type: 'a Blob',
    violations: () => [],
    read(value) {
      if (typeof value !== 'string') throw wrongType(value, 'a Blob')
      const bytes = Buffer.from(value, 'base64')
      const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0
      // Node skips what is no base64: then there are fewer bytes than the text is long.
      if (bytes.length !== Math.floor(((value.length - padding) * 3) / 4)) throw wrongType(value, 'a Blob')
      return bytes
    },
  }
}

function report(violations: readonly string[], value: string, at: string, problems: Problems): void {
  for (const violation of violations) problems.push(failed(value, at, violation))
}

/** Not more of a value than a person reads. */
const MAX_SHOWN = 512
const shown = (value: string): string => (value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value)
