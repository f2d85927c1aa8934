import { randomUUID } from 'node:crypto'
import { Answer } from './answers.ts'
import type { RuntimeConnection, Waiter } from './runtime-connection.ts'
import type { RuntimeApiListener } from './runtime-api-listener.ts'

export type ExtensionEvent = 'INVOKE' | 'SHUTDOWN'

export interface ExtensionOwner {
  readonly listener: RuntimeApiListener
}

/** One extension that has registered. The names of its states are those of AWS's emulator: they are part of answers. */
export class Extension implements Waiter {
  readonly name: string
  readonly id: string
  readonly events: readonly ExtensionEvent[]
  state: 'Registered' | 'Ready' | 'Running' | 'InitError' | 'ExitError' = 'Registered'
  private readonly owner: ExtensionOwner
  /** Where it waits for its next event. */
  private poll: RuntimeConnection | undefined
  /** Came while it did not wait. The newest alone: an end outdates an invocation, and the engine gives one invocation at a time. */
  private next: string | undefined

  constructor(name: string, id: string, events: readonly ExtensionEvent[], owner: ExtensionOwner) {
    this.name = name
    this.id = id
    this.events = events
    this.owner = owner
  }

  /** A connection that broke while it waited may be replaced. */
  get mayAsk(): boolean {
    return this.poll === undefined && this.state !== 'InitError' && this.state !== 'ExitError'
  }

  mayFail(how: 'InitError' | 'ExitError'): boolean {
    return how === 'InitError' ? this.state === 'Registered' : this.state !== 'InitError'
  }

  fail(how: 'InitError' | 'ExitError'): void {
    this.state = how
  }

  ask(connection: RuntimeConnection): void {
    connection.waiter = this
    this.poll = connection
    if (this.state !== 'Ready') {
      this.state = 'Ready'
      this.owner.listener.onExtensionNext(this.name)
    }
    if (this.next !== undefined) this.give(this.next)
  }

  give(event: string): void {
    const { poll } = this
    if (poll === undefined) {
      this.next = event
      return
    }
    this.next = undefined
    this.poll = undefined
    this.state = 'Running'
    poll.send(
      new Answer(200, event, { 'Content-Type': 'application/json', 'Lambda-Extension-Event-Identifier': randomUUID() }),
    )
  }

  onLost(): void {
    this.poll = undefined
  }
}
