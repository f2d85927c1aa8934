import type { ApiRequest } from '../../control-api/operation.ts'
import { ServiceError } from '../../model/service-error.ts'
import { type Problems, type Shape, throwProblems } from './shape.ts'

/**
 * The body of a request as the shape has it. Throws ValidationException with all that is wrong, SerializationException when types differ.
 * @param others members that are in the path or the query
 */
export function readInput<T>(shape: Shape<T>, request: ApiRequest, others: Readonly<Record<string, unknown>> = {}): T {
  const problems: Problems = []
  const input = shape.read({ ...bodyOf(request), ...others }, '', problems)
  throwProblems(problems)
  return input
}

function bodyOf({ body }: ApiRequest): object {
  if (body.length === 0) return {}
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString())
  } catch (error) {
    throw new ServiceError(
      'InvalidRequestContentException',
      400,
      `Could not parse request body into json: ${(error as Error).message}`,
    )
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  throw new ServiceError('SerializationException', 400, 'The body of the request is no JSON object.')
}

/** A number of the query; undefined when it is not there. */
export function queryNumber(request: ApiRequest, name: string): number | undefined {
  const value = request.query.get(name)
  if (value === null || value === '') return undefined
  if (/^-?\d{1,9}$/.test(value)) return Number(value)
  throw new ServiceError('SerializationException', 400, `${name} is no whole number`)
}

/** A text of the query; undefined when it is not there or empty. */
export const queryText = (request: ApiRequest, name: string): string | undefined => request.query.get(name) || undefined
