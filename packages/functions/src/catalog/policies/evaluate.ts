import type { FunctionPolicyCheck } from '../function-catalog.ts'
import type { StatementRecord } from '../records/function-record.ts'

/** Whether a policy lets somebody call. Statements only allow: one that fits is enough. */
export function policyAllows(statements: readonly StatementRecord[], check: FunctionPolicyCheck): boolean {
  const action = check.functionUrlAuthType === undefined ? 'lambda:InvokeFunction' : 'lambda:InvokeFunctionUrl'
  return statements.some(
    (statement) =>
      fitsAction(statement.Action, action) &&
      fitsPrincipal(statement.Principal, check) &&
      fitsConditions(statement, check),
  )
}

const fitsAction = (allowed: string, action: string): boolean =>
  allowed === action || allowed === 'lambda:*' || allowed === '*'

function fitsPrincipal(allowed: StatementRecord['Principal'], { principal }: FunctionPolicyCheck): boolean {
  if (allowed === '*') return true
  if (typeof allowed === 'string') return allowed === principal
  if ('Service' in allowed) return allowed.Service === principal
  const [, account] = /^arn:aws[a-zA-Z-]*:iam::(\d{12}):root$/.exec(allowed.AWS) ?? []
  // Of an account: itself, and all users and roles in it.
  return (
    allowed.AWS === principal ||
    (account !== undefined &&
      (principal === account || new RegExp(`^arn:aws[a-zA-Z-]*:(iam|sts)::${account}:`).test(principal)))
  )
}

/** All of them hold. One that we cannot know the answer to does not. */
function fitsConditions({ Condition = {} }: StatementRecord, check: FunctionPolicyCheck): boolean {
  for (const [operator, keys] of Object.entries(Condition))
    for (const [key, wanted] of Object.entries(keys)) {
      const actual = actualOf(key, check)
      if (actual === undefined) return false
      if (operator === 'ArnLike' ? !arnLike(wanted, actual) : wanted !== actual) return false
    }
  return true
}

function actualOf(key: string, check: FunctionPolicyCheck): string | undefined {
  switch (key) {
    case 'AWS:SourceArn':
      return check.sourceArn
    case 'AWS:SourceAccount':
      return check.sourceArn?.split(':')[4]
    case 'lambda:FunctionUrlAuthType':
      return check.functionUrlAuthType
    case 'lambda:InvokedViaFunctionUrl':
      return String(check.functionUrlAuthType !== undefined)
    default:
      return undefined
  }
}

/** Each of the six parts between colons by itself, with `*` and `?`: what ArnLike means. */
function arnLike(pattern: string, arn: string): boolean {
  const patterns = partsOf(pattern)
  const parts = partsOf(arn)
  return patterns.every((part, index) => globMatches(part, parts[index] ?? ''))
}

function partsOf(arn: string): string[] {
  const parts = arn.split(':')
  return [...parts.slice(0, 5), parts.slice(5).join(':')]
}

/** Linear but for the last `*`, which it goes back to: no pattern of a stranger makes it slow. */
function globMatches(pattern: string, text: string): boolean {
  let at = 0
  let star = -1
  let resume = 0
  for (let index = 0; index < text.length;) {
    if (pattern[at] === '*') {
      star = at++
      resume = index
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[index])) {
      at++
      index++
    } else if (star >= 0) {
      at = star + 1
      index = ++resume
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
