import type { FaultLink } from './fault-link.ts'
import type { Blow, Ledger, Loss, Order } from './ledger.ts'

/** Of the nodes, as in the configuration of the run. */
export const READ_TIMEOUT_MS = 2_000
export const GRACE_MS = 4_000
/** Between what happens and what this process sees of it, when the machine has a lot to do. */
const LATE_MS = 1_000
/** A connection that has just been broken may get one more request. */
const STALE_MS = 500

/** The rule by which a request may be lost, or undefined: then it may not. */
export function explain(ledger: Ledger, order: Order, loss: Loss, endedAt: number): string | undefined {
  return (
    byClientLink(order, loss, endedAt) ??
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
  if (!order.long) return undefined
  const told = order.kind.startsWith('websocket') ? loss.status === 1001 : loss.status === 14
  const deadline = ({ how, at, until, victim }: Blow): boolean =>
    how === 'upgrade' &&
    until > order.startedAt - LATE_MS &&
    endedAt - at > GRACE_MS - 100 &&
    (loss.worker === undefined || loss.worker.startsWith(victim))
  return told && ledger.blows.some(deadline) ? 'the drain was over' : undefined
}

/** What a node had got, and what may not be sent again, is lost with the connection. */
function byUpstream(ledger: Ledger, order: Order, loss: Loss, endedAt: number): string | undefined {
  if (order.repeatable && !loss.began) return undefined
  const seen = ledger.sightings(order.number)
  for (const [{ link, broken, heardAt }, sightedAt] of seen) {
    if (broken !== undefined && broken.at <= endedAt) return `its connection to a node was broken (${broken.how})`
    const silent = silence(link, order.startedAt, endedAt)
    if (silent !== undefined) return `its node did not answer (${silent})`
    // As on a machine that has too much to do: the gateway is right to give up.
    if (endedAt - Math.max(heardAt, sightedAt) > READ_TIMEOUT_MS * 0.8) return 'its node did not answer in time'
  }
  if (seen.size > 0) return undefined
  const stale = ledger.links.some((link) => link.brokeOne(order.startedAt - STALE_MS, endedAt))
  return stale ? 'it was sent on a connection that had just been broken' : undefined
}

/** An outage that was as long as the patience of the gateway, while the request was under way. */
function silence(link: FaultLink, from: number, until: number): string | undefined {
  const outage = link.outages.find((one) => {
    if (one.how === 'dead' || one.until < from) return false
    // After lost packets the kernel waits as long again until it says them once more.
    const end = one.how === 'unplugged' ? one.from + 2 * (one.until - one.from) : one.until
    return Math.min(end, until) - Math.max(one.from, from) > READ_TIMEOUT_MS * 0.8
  })
  return outage?.how
}
