import { isFieldValue, isFramingField, isToken } from '@sekisho/wire'

/** What an answer of a function comes to in HTTP. */
export interface HttpAnswer {
  readonly status: number
  /** One entry a field. Without those of framing. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
}

/** A function's answer that is none in HTTP: what is wrong with it, for the log. */
export class MalformedAnswer {
  readonly problem: string
  constructor(problem: string) {
    this.problem = problem
  }
}

/** A status as functions write it, `200` or `"200"`; undefined: it is none. */
export function statusOf(value: unknown): number | undefined {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
  return typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599 ? status : undefined
}

/** Fields of a `headers` object; a text says what is wrong. null and undefined are no fields. */
export function fieldsOf(headers: unknown): [string, string][] | string {
  if (headers === undefined || headers === null) return []
  if (typeof headers !== 'object' || Array.isArray(headers)) return 'headers is no object'
  const fields: [string, string][] = []
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      return `the value of header ${name} is no text`
    }
    const problem = addField(fields, name, String(value))
    if (problem !== undefined) return problem
  }
  return fields
}

/** Adds a field unless it is one of framing. @returns what is wrong with it */
export function addField(fields: [string, string][], name: string, value: string): string | undefined {
  if (!isToken(name)) return `${JSON.stringify(name)} is no name of a header`
  if (!isFieldValue(value)) return `the value of header ${name} has a control character`
  // What a connection is framed by is not a function's business.
  if (!isFramingField(name)) fields.push([name, value])
  return undefined
}

export const hasField = (fields: readonly (readonly [string, string])[], name: string): boolean =>
  fields.some(([one]) => one.toLowerCase() === name)
