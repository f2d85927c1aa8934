import { Deadlines } from '@sekisho/wire'
import type { Driver } from '../../drivers/driver.ts'
import type { LogRecord } from '../../logs/log-record.ts'
import type { DeployedFunction } from '../../model/deployed-function.ts'
import type { ServiceError } from '../../model/service-error.ts'
import type { EngineSettings } from '../engine-settings.ts'
import type { Invocation, InvocationResult, InvocationSink, RunningInvocation } from '../invocation.ts'
import { LambdaEngine } from '../lambda-engine.ts'
import type { PlanLaunch } from '../plan-launch.ts'
import { FakeEnvironment } from './fake-environment.ts'

export const WALL = Date.UTC(2026, 10, 21, 12, 0, 0)

export function deployed(changes: Partial<DeployedFunction> = {}): DeployedFunction {
  const name = changes.name ?? 'echo'
  return {
    name,
    version: '$LATEST',
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
    revisionId: 'r1',
    runtime: 'provided.al2023',
    handler: 'bootstrap',
    packageType: 'Zip',
    memoryMb: 128,
    timeoutMs: 3000,
    ephemeralStorageMb: 512,
    environment: {},
    taskDirectory: '/code',
    layersDirectory: undefined,
    image: undefined,
    logging: { format: 'Text', applicationLevel: undefined, systemLevel: undefined, group: `/aws/lambda/${name}` },
    tracing: 'PassThrough',
    network: 'none',
    ...changes,
  }
}

/** A caller that remembers what it was told. */
export class Caller implements InvocationSink {
  readonly requestId: string
  result: InvocationResult | undefined
  refused: ServiceError | undefined
  told = 0
  started: string | undefined
  chunks: string[] = []
  running!: RunningInvocation
  /** Takes no more pieces for now. */
  full = false
  whenTold: (() => void) | undefined
  readonly streaming: InvocationSink['streaming']

  constructor(requestId: string, streaming: boolean) {
    this.requestId = requestId
    this.streaming = streaming
      ? {
          onStart: (contentType) => (this.started = contentType ?? ''),
          onChunk: (chunk) => {
            this.chunks.push(Buffer.from(chunk).toString())
            return !this.full
          },
        }
      : undefined
  }

  get payload(): string | undefined {
    return this.result?.payload.toString()
  }

  onResult(result: InvocationResult): void {
    this.told++
    this.result = result
    this.whenTold?.()
  }

  onRefused(error: ServiceError): void {
    this.told++
    this.refused = error
    this.whenTold?.()
  }
}

/** An engine whose time, sandboxes and runtimes are the test's. */
export class FakeEngine {
  readonly engine: LambdaEngine
  readonly started: FakeEnvironment[] = []
  readonly log: (LogRecord & { readonly function: string })[] = []
  readonly problems: unknown[] = []
  now = 1000
  extensions: readonly string[] = []
  refuseToStart: Error | undefined
  readonly #deadlines: Deadlines
  readonly #idleDeadlines: Deadlines
  #requests = 0
  #opening: FakeEnvironment | undefined

  constructor(settings: Partial<EngineSettings> = {}, planLaunch?: PlanLaunch) {
    const clock = { now: () => this.now }
    this.#deadlines = new Deadlines(clock, 0)
    this.#idleDeadlines = new Deadlines(clock, 0)
    const driver: Driver = {
      name: 'process',
      check: () => Promise.resolve([]),
      open: () => Promise.resolve(),
      close: () => Promise.resolve(),
      start: (spec, events) => {
        if (this.refuseToStart !== undefined) throw this.refuseToStart
        const environment = new FakeEnvironment(spec, events, (opening) => (this.#opening = opening))
        this.started.push(environment)
        return environment
      },
    }
    this.engine = new LambdaEngine({
      driver,
      openApi: (listener) => {
        this.#opening!.listener = listener
        return this.#opening!
      },
      planLaunch:
        planLaunch ??
        (() => ({
          runtimeDirectory: undefined,
          interpreter: undefined,
          launch: (paths) => ({
            command: [`${paths.task}/bootstrap`],
            environment: {},
            workingDirectory: paths.task,
            companions: this.extensions.map((name) => ({ command: [`/opt/extensions/${name}`], environment: {} })),
          }),
        })),
      logs: {
        writer: (name, stream) => ({
          write: (text, timeMs) => void this.log.push({ function: name, stream, text, timeMs }),
        }),
      },
      settings: { maxMemoryMb: 1_000_000, ...settings },
      clock,
      wall: () => WALL + this.now,
      deadlines: this.#deadlines,
      idleDeadlines: this.#idleDeadlines,
      afterOutput: (done) => done(),
      onProblem: (problem) => void this.problems.push(problem),
    })
  }

  get lines(): string[] {
    return this.log.map((record) => record.text)
  }

  /** Who has limits at the moment: none of them may outlive its environment. */
  get timed(): number {
    return this.#deadlines.size + this.#idleDeadlines.size
  }

  invoke(fn: DeployedFunction, options: Partial<Invocation> & { readonly streaming?: boolean } = {}): Caller {
    const { streaming = false, ...invocation } = options
    const caller = new Caller(invocation.requestId ?? `request-${++this.#requests}`, streaming)
    caller.running = this.engine.invoke(
      {
        requestId: caller.requestId,
        function: fn,
        invokedArn: fn.arn,
        payload: Buffer.from('{}'),
        traceId: undefined,
        clientContext: undefined,
        cognitoIdentity: undefined,
        tenantId: undefined,
        tail: false,
        ...invocation,
      },
      caller,
    )
    return caller
  }

  /** Time goes by. */
  pass(ms: number): void {
    this.now += ms
    this.#deadlines.sweep()
    this.#idleDeadlines.sweep()
  }

  /** Processes that were killed end. */
  reap(): void {
    for (const environment of this.started) {
      if (environment.killed && !environment.gone) environment.exit({ status: undefined, signal: 'SIGKILL' })
    }
  }

  /** An environment that is warm, and has had one invocation. */
  warm(fn: DeployedFunction): FakeEnvironment {
    const caller = this.invoke(fn)
    const environment = this.started.at(-1)!
    environment.next()
    environment.finish()
    if (caller.told !== 1) throw new Error('the first invocation did not work')
    return environment
  }
}
