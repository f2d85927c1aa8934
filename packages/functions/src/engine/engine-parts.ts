import type { Clock, Deadlines } from '@sekisho/wire'
import type { Driver } from '../drivers/driver.ts'
import type { FunctionLogs } from '../logs/log-record.ts'
import type { PlanLaunch } from './plan-launch.ts'
import type { EngineSettings } from './engine-settings.ts'
import type { OpenEnvironmentApi } from './environment-api.ts'

/** What the engine is made of. One object, made once, known to each of its environments. */
export interface EngineParts {
  /** Has been opened; whoever opened it closes it after the engine. */
  readonly driver: Driver
  readonly openApi: OpenEnvironmentApi
  readonly planLaunch: PlanLaunch
  readonly logs: FunctionLogs
  readonly settings: EngineSettings
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** Limits of environments that do something. */
  readonly deadlines: Deadlines
  /** Limits of what is idle: looked at once a second, so that warm environments cost nothing. */
  readonly idleDeadlines: Deadlines
  /** Calls back when what a function wrote before now has been read. */
  readonly afterOutput: (done: () => void) => void
  /** Something in here or in a caller's callback went wrong. */
  readonly onProblem: (problem: unknown) => void
}
