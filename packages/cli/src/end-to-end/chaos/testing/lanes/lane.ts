import { setTimeout as pause } from 'node:timers/promises'
import type { FaultLink } from '../fault-link.ts'
import type { Ledger } from '../ledger.ts'
import { bodyOf } from '../orders.mjs'

/** What takes longer is lost. Longer than all that a run does to anybody, one after the other. */
export const PATIENCE_MS = 20_000
/** Between two requests of a lane: 10 to 100. */
const THINK_MS = 90

/** Where a client asks. */
export interface Access {
  readonly host: string
  readonly port: number
  /** The link in front of the gateway, where this is its port. */
  readonly link: FaultLink | undefined
}

/** A client that asks one thing after the other, until it is stopped. */
export abstract class Lane {
  protected readonly access: Access
  protected readonly ledger: Ledger
  protected readonly next: () => number
  private readonly done: Promise<void>
  private stopped = false

  constructor(access: Access, ledger: Ledger, next: () => number) {
    this.access = access
    this.ledger = ledger
    this.next = next
    this.done = Promise.resolve().then(() => this.run())
  }

  /** Resolves when what was asked is over. */
  async stop(): Promise<void> {
    this.stopped = true
    await this.done
    this.close()
  }

  protected get stopping(): boolean {
    return this.stopped
  }

  protected abstract ask(): Promise<void>

  protected close(): void {}

  private async run(): Promise<void> {
    while (!this.stopped) {
      await this.ask()
      await pause(10 + this.next() * THINK_MS)
    }
  }
}

/** Compares what comes with what has to come, piece by piece. */
export class Expected {
  private readonly body: Buffer
  private at = 0
  private differs = false

  constructor(number: number, length: number) {
    this.body = bodyOf(number, 'answered', length)
  }

  take(piece: Buffer): void {
    this.differs ||= !piece.equals(this.body.subarray(this.at, this.at + piece.length))
    this.at += piece.length
  }

  get complete(): boolean {
    return this.at >= this.body.length
  }

  /** What is wrong with it, or undefined. A part may be missing, not be another. */
  wrong(whole: boolean): string | undefined {
    if (this.differs) return `other bytes than the upstream sent, among ${this.at} of ${this.body.length}`
    if (whole && this.at < this.body.length) return `ended well after ${this.at} of ${this.body.length} bytes`
    return undefined
  }
}
