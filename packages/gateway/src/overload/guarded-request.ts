import { ProxyError, type Peer, type ResponseHead, type Waiter } from '@sekisho/proxy'
import type { GatewaySession } from '../session.ts'
import type { UpstreamGuard } from './upstream-guard.ts'

/** What one request has taken of its upstream's limits: all of it is given back, whatever becomes of the request. */
export class GuardedRequest {
  /** Nodes with a hedge on them. */
  readonly hedgedOn: Peer[] = []
  private readonly guard: UpstreamGuard
  /** Places in the gate: of the attempt, and of its hedges. */
  private places = 0
  private waiter: Waiter | undefined
  /** The attempt is a retry, and counted as one. */
  private retrying = false
  private begunAt = 0
  /** Ms that a node was waited for in vain; -1: it was not. */
  private lateMs = -1
  private over = false

  constructor(guard: UpstreamGuard) {
    this.guard = guard
  }

  /** A place for an attempt. A promise: there is none now. Throws, or rejects with, the answer to a request that gets none. */
  enter(session: GatewaySession): Promise<void> | undefined {
    const { gate, maxPending } = this.guard
    if (gate === undefined) return undefined
    const { urgency } = session.ctx
    const refusal = gate.enter(urgency)
    if (refusal === undefined) {
      this.places++
      return undefined
    }
    if (maxPending === 0) throw this.guard.refused(refusal)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        onAdmitted: () => {
          this.waiter = undefined
          this.places++
          resolve()
        },
        onRefused: (reason) => {
          this.waiter = undefined
          reject(this.guard.refused(reason))
        },
      }
      const full = gate.wait(waiter, urgency)
      if (full === undefined) this.waiter = waiter
      else reject(this.guard.refused(full))
    })
  }

  /** The attempt begins. */
  begin(session: GatewaySession): void {
    const { policy, hedge } = this.guard
    this.begunAt = performance.now()
    if (policy !== undefined && policy.perTryMs > 0) session.limitAttempt(policy.perTryMs)
    if (hedge === undefined) return
    const delayMs = hedge.requestDelayMs()
    if (delayMs > 0) session.hedge(delayMs, hedge.max)
  }

  /** The attempt failed: whether there is another one (`error.retry`), and when. */
  decide(session: GatewaySession, error: ProxyError): void {
    this.noRetry()
    if (error.code === 'READ_TIMEOUT') this.lateMs = performance.now() - session.sentAt
    if (!error.retry) return
    if (this.guard.admitRetry(session, error)) this.retrying = true
    else error.retry = false
  }

  /** A response came. Throws what asks for another attempt in its place. */
  look(session: GatewaySession, response: ResponseHead, mayRetry: boolean): void {
    const { guard } = this
    const { policy } = guard
    if (policy?.looksAtStatus !== true || !mayRetry || !session.replayable) return
    if (!policy.wantsStatus(response.status, session.request.method)) return
    const waitMs = guard.waitFor(response)
    if (waitMs === undefined) return
    const error = new ProxyError(
      'HTTP_STATUS',
      'upstream',
      response.status,
      `${session.peer?.name} answered ${response.status}`,
    )
    error.retry = true
    error.retryAfterMs = waitMs
    this.decide(session, error)
    if (error.retry) throw error
  }

  /** A place and a share of the budgets for a hedge. */
  tryHedge(session: GatewaySession): boolean {
    const { gate, retryLimit, hedge } = this.guard
    if (hedge === undefined || gate?.pending || !hedge.tryHedge()) return false
    if (retryLimit?.tryRetry() !== undefined) return false
    if (gate !== undefined) {
      if (gate.enter(session.ctx.urgency) !== undefined) {
        retryLimit?.retried()
        return false
      }
      this.places++
    }
    return true
  }

  /** It has a place of its own; if it won, that of the attempt is given back, which comes to the same. */
  hedgeOver(won: boolean): void {
    const { gate, retryLimit } = this.guard
    this.guard.hedged(won ? 'won' : 'lost')
    retryLimit?.retried()
    this.dropHedge(gate !== undefined)
  }

  /** The attempt is over. */
  leave(session: GatewaySession): void {
    const { gate, hedge } = this.guard
    if (this.waiter !== undefined) {
      gate?.cancel(this.waiter)
      this.waiter = undefined
    }
    const answered = session.answeredAt > 0 && session.answeredAt >= this.begunAt
    if (answered && this.begunAt > 0) hedge?.answered(session.answeredAt - this.begunAt)
    this.begunAt = 0
    if (this.places === 0) return
    const latency = answered ? session.answeredAt - session.sentAt : this.lateMs
    this.lateMs = -1
    for (; this.places > 0; this.places--) gate?.leave(latency)
    this.guard.showLimit()
  }

  /** The request is over. */
  end(): void {
    if (this.over) return
    this.over = true
    this.noRetry()
    this.guard.retryLimit?.finished()
  }

  private dropHedge(gated: boolean): void {
    if (!gated || this.places === 0) return
    this.places--
    this.guard.gate?.leave(-1)
  }

  private noRetry(): void {
    if (!this.retrying) return
    this.retrying = false
    this.guard.retryLimit?.retried()
  }
}
