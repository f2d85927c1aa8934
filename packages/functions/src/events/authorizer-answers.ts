import { MalformedAnswer } from './http-answer.ts'
import { objectOf } from './rest-1.0.ts'

/** What an authorizer said. */
export interface Authorization {
  readonly allowed: boolean
  /** A statement says no, rather than none says yes. */
  readonly explicitDeny: boolean
  /** What the function behind it gets to see; `principalId` among it for REST APIs. */
  readonly context: Readonly<Record<string, unknown>>
}

/** Allows or denies by a policy; `methodArn` is asked again for each request while the answer is kept. */
export interface PolicyAuthorization {
  readonly principalId: string
  readonly context: Readonly<Record<string, unknown>>
  readonly usageIdentifierKey: string | undefined
  evaluate(methodArn: string): Authorization
}

/** The answer of a REST authorizer: `{ principalId, policyDocument, context }`. @param payload JSON */
export function policyAnswer(payload: Buffer): PolicyAuthorization | MalformedAnswer {
  const value = objectOf(payload)
  if (value instanceof MalformedAnswer) return value
  const { principalId, policyDocument, context, usageIdentifierKey } = value
  if (typeof principalId !== 'string') return new MalformedAnswer('principalId is no text')
  if (!isObject(policyDocument)) return new MalformedAnswer('policyDocument is no object')
  const statements = statementsOf(policyDocument['Statement'])
  if (typeof statements === 'string') return new MalformedAnswer(statements)
  const values = contextOf(context)
  if (typeof values === 'string') return new MalformedAnswer(values)
  const known = { ...values, principalId }
  return {
    principalId,
    context: values,
    usageIdentifierKey: typeof usageIdentifierKey === 'string' ? usageIdentifierKey : undefined,
    evaluate: (methodArn) => {
      const explicitDeny = statements.some(({ allows, matches }) => !allows && matches(methodArn))
      const allowed = !explicitDeny && statements.some(({ allows, matches }) => allows && matches(methodArn))
      return { allowed, explicitDeny, context: known }
    },
  }
}

/** The simple answer of an HTTP API's authorizer: `{ isAuthorized, context }`. @param payload JSON */
export function simpleAnswer(payload: Buffer): Authorization | MalformedAnswer {
  const value = objectOf(payload)
  if (value instanceof MalformedAnswer) return value
  const { isAuthorized, context } = value
  if (typeof isAuthorized !== 'boolean') return new MalformedAnswer('isAuthorized is neither true nor false')
  if (context !== undefined && context !== null && !isObject(context))
    return new MalformedAnswer('context is no object')
  return { allowed: isAuthorized, explicitDeny: false, context: context ?? {} }
}

interface Statement {
  readonly allows: boolean
  readonly matches: (methodArn: string) => boolean
}

const ACTION = 'execute-api:invoke'

/**
 * Statements as they are evaluated. What is not understood here (`Condition`, `NotAction`, `NotResource`) counts against the caller: such an
 * Allow never matches, such a Deny always.
 */
function statementsOf(statements: unknown): Statement[] | string {
  const list: readonly unknown[] = Array.isArray(statements) ? statements : [statements]
  const known: Statement[] = []
  for (const statement of list) {
    if (!isObject(statement)) return 'Statement is neither an object nor a list of objects'
    const { Effect: effect, Action: action, Resource: resource } = statement
    if (effect !== 'Allow' && effect !== 'Deny') return 'Effect is neither "Allow" nor "Deny"'
    const allows = effect === 'Allow'
    if (UNKNOWN.some((key) => key in statement)) {
      known.push({ allows, matches: () => !allows })
      continue
    }
    const actions = textsOf(action)
    const resources = textsOf(resource)
    if (actions === undefined) return 'Action is neither a text nor a list of texts'
    if (resources === undefined) return 'Resource is neither a text nor a list of texts'
    const acts = actions.some((pattern) => fits(pattern.toLowerCase(), ACTION))
    known.push({ allows, matches: (arn) => acts && resources.some((pattern) => fits(pattern, arn)) })
  }
  return known
}

const UNKNOWN = ['Condition', 'NotAction', 'NotResource']

/** `*` is any text, `?` one character. Takes at most the product of both lengths: no expression that a function wrote is run. */
function fits(pattern: string, text: string): boolean {
  let at = 0
  let star = -1
  let resume = 0
  for (let place = 0; place < text.length;) {
    if (at < pattern.length && pattern[at] === '*') {
      star = at++
      resume = place
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[place])) {
      at++
      place++
    } else if (star >= 0) {
      at = star + 1
      place = ++resume
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}

function textsOf(value: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.every((one): one is string => typeof one === 'string') ? list : undefined
}

/** Texts, numbers and booleans, which reach the function as text. */
function contextOf(context: unknown): Record<string, string> | string {
  if (context === undefined || context === null) return {}
  if (!isObject(context)) return 'context is no object'
  const values: Record<string, string> = {}
  for (const [name, value] of Object.entries(context)) {
    if (value === null) continue
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      return `context.${name} is neither a text nor a number nor a boolean`
    }
    values[name] = String(value)
  }
  return values
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
