import type { Enforcer } from 'casbin'
import { ownText } from '../own-text.ts'
import type { PolicySource } from './policy-source.ts'

/** Remembered at a time; an evaluation takes 50 µs and more. */
const MAX_REMEMBERED = 4_096
/** Longer ones are evaluated each time: clients choose them, and 4,096 of them must stay small. */
const MAX_KEY_LENGTH = 512

/** What a policy says of users, paths and methods. */
export class PolicyDecisions {
  private readonly enforcer: Enforcer
  private readonly known = new Map<string, boolean>()

  constructor(enforcer: Enforcer) {
    this.enforcer = enforcer
  }

  /** Throws when the policy cannot be evaluated for this request. */
  allows(user: string, path: string, method: string): boolean {
    // Neither a method nor a field has a line break in it.
    const key = `${method}\n${path}\n${user}`
    const known = this.known.get(key)
    if (known !== undefined) return known
    const allowed = this.enforcer.enforceSync(user, path, method)
    if (key.length > MAX_KEY_LENGTH) return allowed
    if (this.known.size >= MAX_REMEMBERED) this.known.clear()
    this.known.set(ownText(key), allowed)
    return allowed
  }
}

/** Rejects when casbin is missing, or does not understand the model or the policy. */
export async function loadDecisions({ model, policy }: PolicySource): Promise<PolicyDecisions> {
  const { newEnforcer, newModelFromString, StringAdapter } = await loadCasbin()
  return new PolicyDecisions(await newEnforcer(newModelFromString(model), new StringAdapter(policy)))
}

async function loadCasbin(): Promise<typeof import('casbin')> {
  try {
    return await import('casbin')
  } catch (error) {
    throw new Error('"authz-casbin" needs a library that is not installed: npm install casbin', { cause: error })
  }
}
