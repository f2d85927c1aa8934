import type { EventInvokeConfig } from '../../catalog/function-catalog.ts'
import { FakeCatalog } from '../../control-api/testing/fake-catalog.ts'
import { FakeEngine, result } from '../../control-api/testing/fake-engine.ts'
import { throttled } from '../../model/service-error.ts'
import { MemoryState } from '../../state/memory-state.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { Delivery } from '../delivery.ts'
import { DurableEventQueue } from '../durable-event-queue.ts'
import type { QueuedInvocation } from '../event-queue.ts'
import type { QueueSettings } from '../queue-settings.ts'
import { Targets } from '../targets/targets.ts'

class QueueCatalog extends FakeCatalog {
  config: Partial<EventInvokeConfig> = {}

  override eventInvokeConfig(): never {
    return {
      maximumRetryAttempts: 2,
      maximumEventAge: 21_600,
      onSuccess: undefined,
      onFailure: undefined,
      deadLetter: undefined,
      ...this.config,
    } as never
  }
}

/** Takes all messages, unless it is away. */
export class FakeTargets extends Targets {
  readonly sent: Delivery[] = []
  away = false

  constructor() {
    super({})
  }

  override async send(delivery: Delivery): Promise<void> {
    if (this.away) throw new Error('the target is away')
    this.sent.push(delivery)
  }
}

export const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:'

export const invocation = (parts: Partial<QueuedInvocation> = {}): QueuedInvocation => {
  const functionName = parts.functionName ?? 'echo'
  return {
    requestId: 'b5a2f1ce-9a4f-4d1c-8d62-000000000001',
    functionName,
    qualifier: undefined,
    invokedArn: ARN + functionName,
    payload: Buffer.from('{"a":1}'),
    traceId: 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0',
    clientContext: undefined,
    tenantId: undefined,
    ...parts,
  }
}

/** A queue over fakes. */
export class QueueHarness {
  readonly catalog = new QueueCatalog('echo', 'other')
  readonly engine = new FakeEngine()
  readonly targets = new FakeTargets()
  readonly problems: string[] = []
  readonly state: StateStore
  readonly settings: Partial<QueueSettings>
  reserved: number | undefined
  queue!: DurableEventQueue

  constructor(settings: Partial<QueueSettings> = {}, state: StateStore = new MemoryState()) {
    this.settings = settings
    this.state = state
  }

  /** @param shared with other nodes */
  async open(owner = 'node-1', shared = false): Promise<this> {
    this.queue = await DurableEventQueue.open({
      catalog: this.catalog,
      engine: this.engine,
      state: this.state,
      owner,
      shared,
      targets: this.targets,
      reservedConcurrency: () => this.reserved,
      onProblem: (_, message) => this.problems.push(message),
      settings: this.settings,
    })
    return this
  }

  /** The function answers with an error. */
  failing(message = 'no'): void {
    this.engine.onInvoke = (_, sink) =>
      sink.onResult(
        result({
          payload: Buffer.from(JSON.stringify({ errorType: 'Error', errorMessage: message })),
          functionError: 'Unhandled',
          errorType: 'Error',
        }),
      )
  }

  succeeding(payload = '"ok"'): void {
    this.engine.onInvoke = (_, sink) => sink.onResult(result({ payload: Buffer.from(payload) }))
  }

  throttling(): void {
    this.engine.onInvoke = (_, sink) => sink.onRefused(throttled('ReservedFunctionConcurrentInvocationLimitExceeded'))
  }

  get runs(): number {
    return this.engine.invocations.length
  }

  /** Keys of what is in the store. */
  async kept(): Promise<string[]> {
    return (await this.state.list('queue/')).map(({ key }) => key)
  }
}
