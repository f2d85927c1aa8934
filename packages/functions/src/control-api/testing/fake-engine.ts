import type { Engine } from '../../engine/engine.ts'
import type { Invocation, InvocationResult, InvocationSink, RunningInvocation } from '../../engine/invocation.ts'

/** Answers as a test says, in the turn that it was asked in unless the test keeps the sink. */
export class FakeEngine implements Engine {
  readonly invocations: Invocation[] = []
  readonly environments = 0
  resumed = 0
  abandoned = 0
  onResume: () => void = () => {}
  onInvoke: (invocation: Invocation, sink: InvocationSink) => void = (invocation, sink) =>
    sink.onResult(result({ payload: invocation.payload }))

  invoke(invocation: Invocation, sink: InvocationSink): RunningInvocation {
    this.invocations.push(invocation)
    this.onInvoke(invocation, sink)
    return {
      resume: () => {
        this.resumed++
        this.onResume()
      },
      abandon: () => void this.abandoned++,
    }
  }
  reserve(): void {}
  provision(): void {}
  provisioned(): undefined {}
  retire(): void {}
  state(): [] {
    return []
  }
  async drain(): Promise<void> {}
  async close(): Promise<void> {}
}

/** A result that went well, but for what is given. */
export const result = (parts: Partial<InvocationResult> = {}): InvocationResult => ({
  payload: Buffer.from('null'),
  contentType: 'application/json',
  functionError: undefined,
  errorType: undefined,
  logTail: undefined,
  figures: { durationMs: 1.5, billedMs: 2, memoryMb: 128, maxMemoryMb: 40, initMs: undefined },
  ...parts,
})
