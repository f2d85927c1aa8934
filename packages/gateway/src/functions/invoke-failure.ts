import { failureAnswer, type FunctionFailure, type PayloadFormat } from '@sekisho/functions/events'
import { LogThrottle } from '@sekisho/proxy'
import type { PluginLogger } from '../plugins/context.ts'

/** What functions fail by: one line a second in the log for each function and kind of failure. */
export class FailureLog {
  private readonly throttle = new LogThrottle()
  private readonly logger: PluginLogger

  constructor(logger: PluginLogger) {
    this.logger = logger
  }

  /** @param detail what the client is not told */
  failed(functionName: string, failure: FunctionFailure, detail: string): void {
    if (failure === 'too-large' || this.throttle.holds(`${functionName} ${failure}`)) return
    this.logger.warn(
      { function: functionName, failure, detail: detail.slice(0, 1_024) },
      `no answer of function ${functionName}: ${failure}`,
    )
  }
}

/** What the service says in place of an answer. */
export function refusalOf(status: number): FunctionFailure {
  if (status === 429) return 'throttled'
  if (status === 413) return 'too-large'
  return 'refused'
}

export { failureAnswer, type PayloadFormat }
