import { ScriptFailure } from './script-failure.ts'
import type { SessionView } from './session-view.ts'

/** One function at work for one request. */
export class Run {
  readonly view: SessionView
  /** Milliseconds that are left to it. */
  leftMs: number
  /** Things of the gateway that it waits for. */
  waitsFor = 0
  /** Why something that it waited for did not come. */
  waitError: unknown = undefined
  done = false
  value: unknown = undefined
  /** What it threw, with where. */
  error: string | undefined = undefined
  private settled: { resolve: (value: unknown) => void; reject: (error: unknown) => void } | undefined = undefined

  constructor(view: SessionView, leftMs: number) {
    this.view = view
    this.leftMs = leftMs
  }

  finish(value: unknown): undefined {
    if (this.done) return
    this.done = true
    this.value = value
  }

  fail(error: string): undefined {
    if (this.done) return
    this.done = true
    this.error = error
  }

  /** What came of it. @throws ScriptFailure, or why the body could not be read */
  result(): unknown {
    if (this.error === undefined) return this.value
    throw this.waitError ?? new ScriptFailure('error', this.error)
  }

  /** It will be done later. */
  promise(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.settled = { resolve, reject }
    })
  }

  /** Tells who waits for it. @param failure over its own */
  settle(failure?: unknown): void {
    if (this.settled === undefined) return
    const { resolve, reject } = this.settled
    this.settled = undefined
    if (failure !== undefined) return reject(failure)
    try {
      resolve(this.result())
    } catch (error) {
      reject(error)
    }
  }
}
