import { isFieldValue } from '@sekisho/wire'
import { handedOnProblem } from '../../side-calls/service-fields.ts'
import type { ServiceAnswer } from '../../side-calls/index.ts'

/** What a policy said. */
export interface Decision {
  readonly allow: boolean
  readonly status: number
  /** The body of a refusal. */
  readonly reason: string | object
  /** By name, in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** The decision of an answer; a text says why it holds none. */
export function readDecision(answer: ServiceAnswer): Decision | string {
  if (answer.status !== 200) return `it answered with the status ${answer.status}`
  let document: unknown
  try {
    document = answer.json()
  } catch {
    return 'its answer is no JSON'
  }
  const result = isObject(document) ? document['result'] : undefined
  if (result === undefined) return 'its answer has no `result`: there is no such policy'
  if (!isObject(result)) return 'the `result` is no object; name the package of the policy, not a rule of it'
  const { status_code: status, reason, headers } = result
  return {
    allow: result['allow'] === true,
    status: isStatus(status) ? status : 403,
    reason: typeof reason === 'string' || isObject(reason) || Array.isArray(reason) ? reason : '',
    headers: isObject(headers) ? fieldsOf(headers) : {},
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A final status (RFC 9110 section 15). */
const isStatus = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 200 && value <= 599

/** Those that can stand in a message. */
function fieldsOf(written: Record<string, unknown>): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(written)) {
    if (typeof value !== 'string' && typeof value !== 'number') continue
    if (handedOnProblem(name) === undefined && isFieldValue(String(value))) fields[name.toLowerCase()] = String(value)
  }
  return fields
}
