import type { InvocationFigures } from '../engine/invocation.ts'
import type { FunctionLogging } from '../model/deployed-function.ts'
import { jsonPlatformLog } from './json-platform-log.ts'
import type { InitPhase, Outcome } from './outcome.ts'
import { textPlatformLog } from './text-platform-log.ts'

/** What init of an environment tells the log. */
export interface InitFacts {
  readonly initializationType: 'on-demand' | 'provisioned-concurrency'
  readonly phase: InitPhase
  /** `nodejs:24`; undefined for images. */
  readonly runtimeVersion: string | undefined
  readonly functionName: string
  readonly functionVersion: string
}

/**
 * The lines that the platform itself writes into a function's log. Each returns one log event (which may have a line break inside), or undefined
 * where the format or the level has none. `timeMs`: milliseconds since 1970.
 */
export interface PlatformLog {
  initStart(facts: InitFacts, timeMs: number): string | undefined
  /** The runtime is done with init, well or not. */
  initRuntimeDone(facts: InitFacts, outcome: Outcome, timeMs: number): string | undefined
  /** @param initMs how long it took */
  initReport(facts: InitFacts, initMs: number, outcome: Outcome, timeMs: number): string | undefined
  start(requestId: string, version: string, timeMs: number): string | undefined
  /** What the platform has to say about a failure, between the function's own lines and END. */
  problem(requestId: string, message: string, outcome: Outcome, timeMs: number): string | undefined
  end(requestId: string, durationMs: number, outcome: Outcome, timeMs: number): string | undefined
  report(
    requestId: string,
    figures: InvocationFigures,
    outcome: Outcome,
    traceHeader: string | undefined,
    timeMs: number,
  ): string | undefined
}

export const platformLogOf = (logging: FunctionLogging): PlatformLog =>
  logging.format === 'JSON' ? jsonPlatformLog(logging.systemLevel) : textPlatformLog
