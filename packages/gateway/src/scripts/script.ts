import type { SessionView } from './session-view.ts'

/** Where a function runs: in QuickJS with bounds, or in the gateway with all rights of the process. */
export type Sandbox = 'quickjs' | 'none'

export interface ScriptOptions {
  /** One function each, as `sourceProblem` found good. */
  readonly sources: readonly string[]
  /** Milliseconds that one function may run for one request. What it waits for does not count. */
  readonly timeoutMs: number
  /** Bytes of memory of all of them together. */
  readonly memoryBytes: number
}

/** What a function is given after the session, as data; bytes are a Uint8Array there. */
export type ScriptArgument = Uint8Array | string | number | boolean | null | object | undefined

/**
 * The functions of one place of the configuration in one worker. They share variables with nobody else.
 *
 *     const waiting = functions.prepare()                       // once, in the first phase that may wait
 *     const result = functions.run(0, view, [chunk, end])       // a promise only when the function waits for something
 *
 * A result is what the function returned as data: text, bytes, or what JSON can say. `undefined` is nothing.
 */
export interface Functions {
  /** How many there are. */
  readonly count: number
  /** What must be waited for before `run`; undefined when nothing must. Does not reject: `run` tells what is wrong. */
  prepare(): Promise<void> | undefined
  /**
   * Calls a function with the session and these arguments.
   * @throws ScriptFailure; a promise rejects with it
   */
  run(index: number, view: SessionView, given?: readonly ScriptArgument[]): unknown
  /** The configuration is gone. */
  dispose(): void
}
