import {
  MalformedAnswer,
  policyAnswer,
  simpleAnswer,
  type Authorization,
  type PolicyAuthorization,
} from '@sekisho/functions/events'
import type { Invoked } from '../invoke-client.ts'

/** What an authorizer answered: a policy, a plain yes or no, that the caller is nobody (`unauthorized`), or nothing of use (`failed`). */
export type Verdict =
  | { readonly kind: 'policy'; readonly policy: PolicyAuthorization }
  | { readonly kind: 'simple'; readonly authorization: Authorization }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'failed'; readonly why: string }

/** @param simple it answers `{ isAuthorized, context }`, not a policy */
export function verdictOf(invoked: Invoked, simple: boolean): Verdict {
  if (invoked.failure !== undefined) {
    if (invoked.failure === 'function' && saysUnauthorized(invoked.payload)) return { kind: 'unauthorized' }
    return { kind: 'failed', why: `${invoked.failure}: ${invoked.detail}` }
  }
  const answer = simple ? simpleAnswer(invoked.payload) : policyAnswer(invoked.payload)
  if (answer instanceof MalformedAnswer) return { kind: 'failed', why: `malformed: ${answer.problem}` }
  return 'evaluate' in answer ? { kind: 'policy', policy: answer } : { kind: 'simple', authorization: answer }
}

/** A function that fails with exactly this message says that the caller is nobody. */
function saysUnauthorized(payload: Buffer): boolean {
  try {
    const { errorMessage } = JSON.parse(payload.toString()) as { errorMessage?: unknown }
    return errorMessage === 'Unauthorized'
  } catch {
    return false
  }
}
