import { BoundedFunctions } from './bounded-functions.ts'
import type { Functions, Sandbox, ScriptOptions } from './script.ts'
import { TrustedFunctions } from './trusted-functions.ts'

/** Functions of the configuration, ready to be called; the first call may have to wait for the sandbox (`prepare`). */
export const makeFunctions = (sandbox: Sandbox, options: ScriptOptions): Functions =>
  sandbox === 'none' ? new TrustedFunctions(options.sources) : new BoundedFunctions(options)

export { type FailureKind, ScriptFailure } from './script-failure.ts'
export { type Rights, SessionView } from './session-view.ts'
export type { Functions, Sandbox, ScriptArgument, ScriptOptions } from './script.ts'
export { sandboxProblem, sourceProblem } from './source-text.ts'
export { trustProblem, trustScripts } from './trusted-scripts.ts'
