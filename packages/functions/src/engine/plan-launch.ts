import type { DeployedFunction } from '../model/deployed-function.ts'
import type { RuntimeLaunchPlan, RuntimeProblem } from '../runtimes/launch-plan.ts'

/** How a function is started; asked once per version and revision. */
export type PlanLaunch = (fn: DeployedFunction) => RuntimeLaunchPlan | RuntimeProblem
