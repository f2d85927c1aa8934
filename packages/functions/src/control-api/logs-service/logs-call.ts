import { ServiceError } from '../../model/service-error.ts'

/** One call of CloudWatch Logs: JSON in, JSON out. Throws ServiceError. */
export type LogsCall = (input: Readonly<Record<string, unknown>>) => Promise<object | undefined>

export function textOf(input: Readonly<Record<string, unknown>>, name: string): string {
  const value = input[name]
  if (typeof value === 'string' && value !== '') return value
  throw new ServiceError('InvalidParameterException', 400, `${name} must be a text`)
}

/** Empty when it is not there. */
export const optionalText = (input: Readonly<Record<string, unknown>>, name: string): string =>
  input[name] === undefined || input[name] === null || input[name] === '' ? '' : textOf(input, name)

/** undefined: it is not there. */
export function numberOf(input: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = input[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && value >= 0) return value
  throw new ServiceError('InvalidParameterException', 400, `${name} must be a number`)
}
