import { isFramingField, isToken } from '@sekisho/wire'
import type { ServiceAnswer } from '../../side-calls/index.ts'

/** What a client is answered. */
export interface Activation {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string | Buffer
}

type Fields = Readonly<Record<string, unknown>>

/** The answer that an action's result stands for; undefined when it is no JSON. */
export function readActivation(answer: ServiceAnswer): Activation | undefined {
  if (answer.body.length === 0) return { status: answer.status, headers: {}, body: '' }
  let result: unknown
  try {
    result = answer.json()
  } catch {
    return undefined
  }
  const { statusCode, headers, body } = isObject(result) ? result : ({} as Fields)
  const json = { 'Content-Type': 'application/json' }
  const fields = fieldsOf(headers)
  if (body === undefined)
    return { status: statusOf(statusCode, answer.status), headers: { ...json, ...fields }, body: answer.body }
  const text = typeof body === 'string'
  return {
    status: statusOf(statusCode, answer.status),
    headers: text ? fields : { ...json, ...fields },
    body: text ? body : JSON.stringify(body),
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A status that can be sent as one of a final answer. */
const statusOf = (written: unknown, otherwise: number): number => {
  const status = Number(written ?? otherwise)
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 502
}

/** Fields that an action sets; how the body is framed, the gateway says. */
function fieldsOf(written: unknown): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(isObject(written) ? written : {})) {
    if (isFramingField(name) || !isToken(name)) continue
    const text = String(value)
    if (VALUE.test(text)) fields[name] = text
  }
  return fields
}

const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
