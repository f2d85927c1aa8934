import { ServiceError } from '../../model/service-error.ts'

/** What is wrong with an input, as AWS says it: `Value '1' at 'memorySize' failed to satisfy constraint: Member must …`. */
export type Problems = string[]

/** A member of an operation's input, as the service model describes it: its JSON type and its constraints. */
export interface Shape<T> {
  readonly required?: boolean
  /** How AWS names its type in errors. */
  readonly type: string
  /**
   * @param value JSON, neither null nor undefined
   * @param at `environment.variables`
   */
  read(value: unknown, at: string, problems: Problems): T
  /** Constraints in words that this value does not satisfy: for members of lists and maps. */
  violations(value: T): string[]
}

export interface RequiredShape<T> extends Shape<T> {
  readonly required: true
}

export const required = <T>(shape: Shape<T>): RequiredShape<T> => ({ ...shape, required: true })

/** What a shape gives. */
export type Of<S> = S extends Shape<infer T> ? T : never

export function failed(value: string, at: string, constraint: string): string {
  return `Value ${value} at '${at}' failed to satisfy constraint: ${constraint}`
}

export function throwProblems(problems: Problems): void {
  if (problems.length === 0) return
  const count = `${problems.length} validation error${problems.length > 1 ? 's' : ''} detected: `
  throw new ServiceError('ValidationException', 400, count + problems.join('; '))
}

/** The JSON type of a member is another one. */
export function wrongType(value: unknown, type: string): ServiceError {
  const found = Array.isArray(value)
    ? 'Start of list'
    : typeof value === 'object'
      ? 'Start of structure or map'
      : `${typeof value === 'boolean' ? 'TRUE_VALUE' : typeof value === 'number' ? 'NUMBER_VALUE' : 'STRING_VALUE'}`
  const message = found.startsWith('Start')
    ? `${found} found where not expected.`
    : `${found} can not be converted to ${type}`
  return new ServiceError('SerializationException', 400, message)
}
