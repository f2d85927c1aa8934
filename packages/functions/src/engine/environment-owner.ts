import type { DeployedFunction } from '../model/deployed-function.ts'
import type { RuntimeLaunchPlan } from '../runtimes/launch-plan.ts'
import type { Call } from './call.ts'
import type { Environment } from './environment.ts'
import type { Phase } from './phase.ts'

/** Who has environments: told of each change, in the middle of it. */
export interface EnvironmentOwner {
  onPhase(environment: Environment, from: Phase, to: Phase): void
  /** Init is over, it is idle and has never run. */
  onReady(environment: Environment): void
  /** Init failed while no invocation was bound to it. */
  onInitFailed(environment: Environment): void
  /** It is idle again. */
  onFree(environment: Environment): void
  /** Frozen: it holds `peakMb` and cannot take more until it is thawed. */
  onFrozen(environment: Environment): void
  onThawed(environment: Environment): void
  onGone(environment: Environment): void
}

export interface EnvironmentOptions {
  readonly function: DeployedFunction
  readonly plan: RuntimeLaunchPlan
  readonly provisioned: boolean
  /** An invocation whose environment failed in init: init is done over on its time. */
  readonly call: Call | undefined
}
