import {
  type Functions,
  makeFunctions,
  type Rights,
  type ScriptArgument,
  ScriptFailure,
  SessionView,
} from '../../scripts/index.ts'
import type { GatewaySession } from '../../session.ts'
import type { PluginContext } from '../context.ts'
import { Failures } from './failures.ts'
import type { FunctionOptions } from './options.ts'

/** The functions of one place: called one after the other, their failures counted and logged. */
export class FunctionRunner {
  readonly failsOpen: boolean
  private readonly functions: Functions
  private readonly failures: Failures
  private readonly rights: Rights
  private readonly name: string
  private readonly context: PluginContext

  /** @param name of the plugin */
  constructor(name: string, options: FunctionOptions, rights: Rights, context: PluginContext) {
    this.name = name
    this.rights = rights
    this.context = context
    this.failsOpen = options.fail_policy === 'open'
    this.failures = new Failures(name, context.scope, context.logger, context.metrics)
    this.functions = makeFunctions(options.sandbox, {
      sources: options.functions,
      timeoutMs: options.timeout,
      memoryBytes: options.memory,
    })
  }

  /** To be returned by a hook that may wait, before hooks that may not. */
  readonly prepare = (): Promise<void> | undefined => this.functions.prepare()

  /**
   * Calls the functions, until one of them answered the request. A failure is told by `onFailure`, unless it fails open; then the next
   * function has its turn.
   */
  run(session: GatewaySession, onFailure: (session: GatewaySession) => void): void | Promise<void> {
    const waiting = this.functions.prepare()
    return waiting === undefined
      ? this.from(0, session, onFailure)
      : waiting.then(() => this.from(0, session, onFailure))
  }

  /** The same in a phase that cannot wait. @returns false when one of them failed, and it does not fail open */
  runNow(session: GatewaySession): boolean {
    let ok = true
    for (let index = 0; index < this.functions.count && ok; index++) ok = this.callNow(index, session) !== FAILED
    return ok
  }

  /** One function with these arguments, in a phase that cannot wait. `FAILED` when it did. */
  callNow(index: number, session: GatewaySession, given: readonly ScriptArgument[] = [], returns = false): unknown {
    try {
      const value = this.functions.run(index, this.view(session), given)
      if (value instanceof Promise) {
        value.catch(() => undefined)
        throw new ScriptFailure('misuse', `functions[${index}] waits for something: it cannot in this phase`)
      }
      return returns ? value : checked(value, index)
    } catch (error) {
      this.failures.add(error)
      return this.failsOpen ? undefined : FAILED
    }
  }

  get count(): number {
    return this.functions.count
  }

  readonly dispose = (): void => this.functions.dispose()

  private view(session: GatewaySession): SessionView {
    return new SessionView(session, this.rights, this.name, this.context.logger)
  }

  private from(
    first: number,
    session: GatewaySession,
    onFailure: (session: GatewaySession) => void,
  ): void | Promise<void> {
    for (let index = first; index < this.functions.count; index++) {
      if (session.responded) return undefined
      try {
        const value = this.functions.run(index, this.view(session))
        if (value instanceof Promise) {
          return value
            .then((settled: unknown) => checked(settled, index))
            .catch((error: unknown) => this.failed(error, session, onFailure))
            .then(() => this.from(index + 1, session, onFailure))
        }
        checked(value, index)
      } catch (error) {
        this.failed(error, session, onFailure)
      }
    }
    return undefined
  }

  private failed(error: unknown, session: GatewaySession, onFailure: (session: GatewaySession) => void): void {
    this.failures.add(error)
    if (!this.failsOpen) onFailure(session)
  }
}

export const FAILED = Symbol('failed')

/** In APISIX what a function returns is the answer. What looks like one is refused, for a request must not go on by mistake. */
function checked(value: unknown, index: number): undefined {
  if (typeof value === 'number' || Array.isArray(value))
    throw new ScriptFailure(
      'misuse',
      `functions[${index}] returned ${JSON.stringify(value)?.slice(0, 100)}: answer by session.respond(status, body, headers)`,
    )
  return undefined
}
