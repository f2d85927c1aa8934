import type { InvocationFigures } from '../engine/invocation.ts'
import { Histogram } from './histogram.ts'

/** Milliseconds; from what a warm Rust function takes to the longest timeout there is. */
const DURATION_BOUNDS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000, 900_000]

/** What one function did since the engine started, over all its versions. */
export class FunctionMetrics {
  readonly name: string
  invocations = 0
  /** Invocations that ended in a function error; by `errorType` as far as it is one of the platform's own. */
  errors = 0
  timeouts = 0
  outOfMemory = 0
  coldStarts = 0
  initFailures = 0
  /** Refused calls by `Reason`. */
  readonly throttles = new Map<string, number>()
  readonly duration = new Histogram(DURATION_BOUNDS)
  readonly init = new Histogram(DURATION_BOUNDS)
  billedMs = 0
  /** Billed milliseconds times MB: what the price goes by. */
  billedMbMs = 0
  /** The most that any environment has held, MB. */
  maxMemoryMb = 0

  constructor(name: string) {
    this.name = name
  }

  /** An invocation is over, as its REPORT line says. */
  ended(figures: InvocationFigures): void {
    this.duration.observe(figures.durationMs)
    this.billedMs += figures.billedMs
    this.billedMbMs += figures.billedMs * figures.memoryMb
    if (figures.maxMemoryMb > this.maxMemoryMb) this.maxMemoryMb = figures.maxMemoryMb
  }

  failed(errorType: string, outOfMemory: boolean): void {
    this.errors++
    if (errorType === 'Sandbox.Timedout') this.timeouts++
    else if (outOfMemory) this.outOfMemory++
  }

  throttled(reason: string): void {
    this.throttles.set(reason, (this.throttles.get(reason) ?? 0) + 1)
  }
}
