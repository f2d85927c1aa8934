/** Nobody is waited for; the time until a PING runs; that for its answer does. */
const QUIET = 0
const ARMED = 1
const ASKED = 2

export const PING_PAYLOAD = Buffer.from('anybody?')

/** What is to be done when the time is up. */
export const WAIT = 0
export const ASK = 1
export const GONE = 2

/**
 * Watches for a peer that has gone without a word, while requests are under way: after some silence a PING asks whether anybody is there, and
 * for some time its answer is waited for. The connection has the timer; this says what it is for.
 */
export class Silence {
  readonly pingAfterMs: number
  readonly answerWithinMs: number
  private heard = false
  private state: typeof QUIET | typeof ARMED | typeof ASKED = QUIET

  constructor(pingAfterMs: number, answerWithinMs: number) {
    this.pingAfterMs = pingAfterMs
    this.answerWithinMs = answerWithinMs
  }

  /** A request begins. @returns whether the timer is to be started, with `pingAfterMs` */
  begin(): boolean {
    if (this.state !== QUIET) return false
    this.heard = false
    this.state = ARMED
    return true
  }

  /** The last request is over. */
  end(): void {
    this.state = QUIET
  }

  /** Something came from the peer. */
  onBytes(): void {
    this.heard = true
  }

  /** The time is up: WAIT `pingAfterMs` anew, ASK by a PING and wait `answerWithinMs`, or the peer is GONE. */
  next(): typeof WAIT | typeof ASK | typeof GONE {
    if (this.heard) {
      this.heard = false
      this.state = ARMED
      return WAIT
    }
    if (this.state === ASKED) return GONE
    this.state = ASKED
    return ASK
  }
}
