import { EnvironmentLog } from './environment-log.ts'
import type { Call } from './call.ts'
import type { EngineParts } from './engine-parts.ts'
import { platformFailure } from './function-failure.ts'
import type { RuntimeProblem } from '../runtimes/launch-plan.ts'

/** A function that cannot be started fails like one that was and broke: the caller gets a function error, the log its three lines. */
export function failWithoutEnvironment(parts: EngineParts, call: Call, problem: RuntimeProblem): void {
  const { requestId, function: fn } = call.invocation
  const now = new Date(parts.wall())
  const stream = `${now.toISOString().slice(0, 10).replaceAll('-', '/')}/[${fn.version}]${'0'.repeat(32)}`
  const log = new EnvironmentLog(fn, parts.logs.writer(fn.name, stream), parts.wall)
  const failure = platformFailure(requestId, problem.errorType, problem.message)
  const figures = call.figures(0, 0)
  log.start(call, now.getTime())
  log.problem(call, problem.message, failure.outcome)
  log.end(call, figures, failure.outcome)
  call.fail(failure)
  call.ended(figures)
  // Results never come before the caller has its `RunningInvocation`.
  queueMicrotask(() => call.settle(figures))
}
