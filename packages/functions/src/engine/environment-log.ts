import { jsonLine } from '../logs/json-line.ts'
import { LineSplitter } from '../logs/line-splitter.ts'
import type { LogWriter } from '../logs/log-record.ts'
import type { InvocationFigures } from './invocation.ts'
import type { DeployedFunction } from '../model/deployed-function.ts'
import type { InitPhase, Outcome } from '../metering/outcome.ts'
import { runtimeVersion } from '../metering/runtime-version.ts'
import { type InitFacts, platformLogOf, type PlatformLog } from '../metering/platform-log.ts'
import type { Call } from './call.ts'

/** What one environment writes into its log stream: the platform's lines, and what its processes print. */
export class EnvironmentLog {
  /** Whose lines these are; between invocations nobody's. */
  call: Call | undefined
  /** The function has printed something: what it prints may still be on its way when it asks for its next event. */
  prints = false
  readonly #fn: DeployedFunction
  readonly #writer: LogWriter
  readonly #wall: () => number
  readonly #platform: PlatformLog
  readonly #json: boolean
  readonly #stdout = new LineSplitter((text) => this.#line(text))
  readonly #stderr = new LineSplitter((text) => this.#line(text))

  constructor(fn: DeployedFunction, writer: LogWriter, wall: () => number) {
    this.#fn = fn
    this.#writer = writer
    this.#wall = wall
    this.#platform = platformLogOf(fn.logging)
    this.#json = fn.logging.format === 'JSON'
  }

  output(stream: 'stdout' | 'stderr', bytes: Buffer): void {
    this.prints = true
    if (stream === 'stdout') this.#stdout.push(bytes)
    else this.#stderr.push(bytes)
  }

  /** The processes are gone. */
  endOutput(): void {
    this.#stdout.end()
    this.#stderr.end()
  }

  initStart(type: InitFacts['initializationType'], phase: InitPhase): void {
    const now = this.#wall()
    this.#event(this.#platform.initStart(this.#initFacts(type, phase), now), now)
  }

  initReport(type: InitFacts['initializationType'], phase: InitPhase, initMs: number, outcome: Outcome): void {
    const now = this.#wall()
    const facts = this.#initFacts(type, phase)
    this.#event(this.#platform.initRuntimeDone(facts, outcome, now), now)
    this.#event(this.#platform.initReport(facts, initMs, outcome, now), now)
  }

  start(call: Call, now: number): void {
    this.call = call
    this.#event(this.#platform.start(call.invocation.requestId, this.#fn.version, now), now)
  }

  problem(call: Call, message: string, outcome: Outcome): void {
    const now = this.#wall()
    this.#event(this.#platform.problem(call.invocation.requestId, message, outcome, now), now)
  }

  /** END and REPORT. */
  end(call: Call, figures: InvocationFigures, outcome: Outcome): void {
    const now = this.#wall()
    const { requestId, traceId } = call.invocation
    this.#event(this.#platform.end(requestId, figures.durationMs, outcome, now), now)
    this.#event(this.#platform.report(requestId, figures, outcome, traceId, now), now)
    this.call = undefined
  }

  /** Of the environment itself, outside of invocations. */
  note(text: string): void {
    const now = this.#wall()
    this.#event(this.#json ? jsonLine(text, undefined, now) : text, now)
  }

  #line(text: string): void {
    const now = this.#wall()
    this.#event(this.#json ? jsonLine(text, this.call?.invocation.requestId, now) : text, now)
  }

  #event(text: string | undefined, now: number): void {
    if (text === undefined) return
    this.#writer.write(text, now)
    this.call?.tail?.push(text)
  }

  #initFacts(initializationType: InitFacts['initializationType'], phase: InitPhase): InitFacts {
    const { name, version, runtime } = this.#fn
    return {
      initializationType,
      phase,
      runtimeVersion: runtime === undefined ? undefined : runtimeVersion(runtime),
      functionName: name,
      functionVersion: version,
    }
  }
}
