import type { DeployedFunction } from '../model/deployed-function.ts'
import type { RuntimeLaunchPlan } from '../runtimes/launch-plan.ts'

/** Why a function cannot be started at all: `Runtime.InvalidEntrypoint`, … */
export interface LaunchProblem {
  readonly errorType: string
  readonly message: string
}

/** How a function is started; asked once per version and revision. */
export type PlanLaunch = (fn: DeployedFunction) => RuntimeLaunchPlan | LaunchProblem
