import type { FaultLink } from './fault-link.ts'
import type { Blow, Ledger, Loss, Order } from './ledger.ts'

/** Of the nodes, as in the configuration of the run. */
export const READ_TIMEOUT_MS = 2_000
export const GRACE_MS = 4_000
/** Between what happens and what this process sees of it, when the machine has a lot to do. */
const LATE_MS = 1_000
/** A connection that has just been broken may get one more request. */
const STALE_MS = 500
const DRAIN_IDLE_MS = 1_000
/** Of a WebSocket that ended without a close frame. */
const NO_STATUS = 1006

/** The rule by which a request may be lost, or undefined: then it may not. */
export function explain(ledger: Ledger, order: Order, loss: Loss, endedAt: number): string | undefined {
  return (
    byClientLink(order, loss, endedAt) ??
    byClientCable(ledger, order, loss, endedAt) ??
    byKill(ledger, order, loss, endedAt) ??
    byDrain(ledger, order, loss, endedAt) ??
    byUpstream(ledger, order, loss, endedAt)
  )
}

function byClientLink(order: Order, { clientLink, clientPort }: Loss, endedAt: number): string | undefined {
  if (clientLink === undefined || clientPort === undefined) return undefined
  return clientLink.brokeOne(order.startedAt - STALE_MS, endedAt, clientPort)
    ? 'its way to the gateway was broken'
    : undefined
}

/** Whoever has no route tells its program so. What was connected before goes on when the cable is back. */
function byClientCable(ledger: Ledger, order: Order, loss: Loss, endedAt: number): string | undefined {
  if (loss.status !== undefined && loss.status !== NO_STATUS) return undefined
  const out = ({ how, at, until }: Blow): boolean =>
    how === 'clients unplugged' && at <= endedAt && until >= order.startedAt - STALE_MS
  return ledger.blows.some(out) ? 'the cable to the clients was out' : undefined
}

/** Who kills a worker, or the process, kills what it is doing. It answers nothing about that. */
function byKill(ledger: Ledger, order: Order, loss: Loss, endedAt: number): string | undefined {
  const answered = loss.status !== undefined && !loss.began && !/grpc|websocket/.test(order.kind)
  if (answered) return undefined
  const killed = ledger.blows.find(
    ({ how, at, until, victim }) =>
      (how === 'process killed' || how === 'worker killed') &&
      at <= endedAt &&
      until >= order.startedAt - STALE_MS &&
      endedAt - until < LATE_MS + STALE_MS &&
      // A connection that another worker has served is no concern of this one.
      (loss.worker === undefined || loss.worker.startsWith(victim)),
  )
  return killed === undefined ? undefined : `its ${killed.how}`
}

/** A stream has the grace period, from when the process that follows is ready, and is then told. */
function byDrain(ledger: Ledger, order: Order, loss: Loss, endedAt: number): string | undefined {
  if (!order.long) return byIdleDrain(ledger, order, loss)
  // A close frame cannot be said in the middle of another frame: the connection then just ends.
  const told = order.kind.startsWith('websocket')
    ? loss.status === 1001 || loss.status === NO_STATUS
    : loss.status === 14
  const deadline = ({ how, at, until, victim }: Blow): boolean =>
    how === 'upgrade' &&
    until > order.startedAt - LATE_MS &&
    endedAt - at > GRACE_MS - 100 &&
    (loss.worker === undefined || loss.worker.startsWith(victim))
  return told && ledger.blows.some(deadline) ? 'the drain was over' : undefined
}

/** A kept connection that asks for nothing for a second is closed: as ever with HTTP/1.1, its client may be asking just then. */
function byIdleDrain(ledger: Ledger, order: Order, { status, idleMs = 0 }: Loss): string | undefined {
  const drained = ({ how, at, until }: Blow): boolean =>
    how === 'upgrade' && at <= order.startedAt && until >= order.startedAt - DRAIN_IDLE_MS - LATE_MS
  const closed = status === undefined && idleMs > DRAIN_IDLE_MS * 0.8 && ledger.blows.some(drained)
  return closed ? 'its idle connection was closed by a drain' : undefined
}

/** What a node had got, and what may not be sent again, is lost with the connection. */
function byUpstream(ledger: Ledger, order: Order, loss: Loss, endedAt: number): string | undefined {
  if (order.repeatable && !loss.began) return undefined
  const seen = ledger.sightings(order.number)
  for (const [{ link, broken }, sightedAt] of seen) {
    // By somebody else, for an answer of the cache.
    if (sightedAt < order.startedAt - READ_TIMEOUT_MS) continue
    if (broken !== undefined && broken.at <= endedAt) return `its connection to a node was broken (${broken.how})`
    const silent = silence(link, order.startedAt, endedAt)
    if (silent !== undefined) return `its node did not answer (${silent})`
  }
  // As on a machine that has too much to do: the gateway is right to give up.
  if ((loss.silentMs ?? 0) > READ_TIMEOUT_MS * 0.8) return 'its node did not answer in time'
  if (seen.size > 0 && !order.shared) return undefined
  const stale = ledger.links.some((link) => link.brokeOne(order.startedAt - STALE_MS, endedAt))
  return stale ? 'it was sent on a connection that had just been broken' : undefined
}

/** An outage that took most of the patience of the gateway, while the request was under way: its node may have been late before. */
function silence(link: FaultLink, from: number, until: number): string | undefined {
  const outage = link.outages.find((one) => {
    if (one.how === 'dead' || one.until < from) return false
    // After lost packets the kernel waits as long again until it says them once more.
    const end = one.how === 'unplugged' ? one.from + 2 * (one.until - one.from) : one.until
    return Math.min(end, until) - Math.max(one.from, from) > READ_TIMEOUT_MS - LATE_MS
  })
  return outage?.how
}
