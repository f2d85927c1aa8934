import type { FaultLink, LinkedConnection } from './fault-link.ts'
import { explain } from './rules.ts'

/** What a client asked. */
export interface Order {
  readonly number: number
  /** For the table: `h1 get`, `grpc stream`. */
  readonly kind: string
  /** May be sent again without harm (RFC 9110, section 9.2.2). */
  readonly idempotent: boolean
  /** That, and the gateway still has all of it: no fault of one node may cost it. */
  readonly repeatable: boolean
  /** Others may ask the same, by the same number. */
  readonly shared: boolean
  /** Lives until its client ends it. */
  readonly long: boolean
  readonly startedAt: number
}

/** How it went, where not as it should. */
export interface Loss {
  readonly how: string
  /** HTTP or gRPC status, or WebSocket close code. */
  readonly status?: number | undefined
  /** Something of the answer had come. */
  readonly began: boolean
  /** The port of the client's end of its connection. */
  readonly clientPort?: number | undefined
  /** The link that it went through to the gateway. */
  readonly clientLink?: FaultLink | undefined
  /** How long a node that had it said nothing, before it ended; the ledger finds out. */
  readonly silentMs?: number
  /** How long its connection had been idle before. */
  readonly idleMs?: number | undefined
  /** `PROCESS/THREAD` that had served the connection before. */
  readonly worker?: string | undefined
}

/** Something that the run did to the gateway, which may cost requests. */
export interface Blow {
  readonly how:
    | 'process killed'
    | 'worker killed'
    | 'upgrade'
    | 'process frozen'
    | 'worker frozen'
    | 'clients unplugged'
  /** It happened between these. */
  readonly at: number
  until: number
  /** `PROCESS/THREAD/`, or `PROCESS/`. */
  readonly victim: string
}

interface Ended {
  readonly order: Order
  readonly loss: Loss
  readonly endedAt: number
}

/** Everything that was asked in a run: what came back as it should, what was lost and by which rule that may be, and what may not be. */
export class Ledger {
  readonly blows: Blow[] = []
  /** Wrong bytes, requests that were sent twice: nothing explains these. */
  readonly wrong: string[] = []
  readonly served = new Map<string, number>()
  private readonly losses: Ended[] = []
  /** The links to upstream nodes. */
  links: readonly FaultLink[] = []
  private count = 0
  /** On which connections to nodes a request was seen, and when last. */
  private readonly seen = new Map<number, Map<LinkedConnection, number>>()

  begin(kind: string, traits: Partial<Order>, number = ++this.count): Order {
    return {
      kind,
      number,
      idempotent: false,
      repeatable: false,
      shared: false,
      long: false,
      startedAt: performance.now(),
      ...traits,
    }
  }

  nextNumber(): number {
    return ++this.count
  }

  sighted(number: number, connection: LinkedConnection): void {
    const connections = this.seen.get(number)
    const now = performance.now()
    if (connections === undefined) this.seen.set(number, new Map([[connection, now]]))
    else connections.set(connection, now)
  }

  sightings(number: number): ReadonlyMap<LinkedConnection, number> {
    return this.seen.get(number) ?? new Map()
  }

  ended(order: Order, loss: Loss | undefined): void {
    this.checkSent(order)
    if (loss === undefined) {
      add(this.served, order.kind)
      // Several clients may be waiting for the same answer of the cache.
      if (!order.shared) this.seen.delete(order.number)
    } else
      this.losses.push({ order, loss: { ...loss, silentMs: this.silence(order.number) }, endedAt: performance.now() })
  }

  /** For how long nothing has come on a connection to a node that the request went over. */
  private silence(number: number): number {
    const now = performance.now()
    const since = [...this.sightings(number)].map(([{ heardAt }, sightedAt]) => now - Math.max(heardAt, sightedAt))
    return Math.max(0, ...since)
  }

  /** How many were lost by which rule, and what by none. Not before the run is over: what did it may become known after the loss. */
  judge(zero: number): { lost: ReadonlyMap<string, number>; unexplained: string[] } {
    const lost = new Map<string, number>()
    const unexplained: string[] = []
    for (const ended of this.losses) {
      const { order, loss, endedAt } = ended
      const rule = explain(this, order, loss, endedAt)
      if (rule === undefined) unexplained.push(this.describe(ended, zero))
      else add(lost, `${order.kind}: ${rule}`)
    }
    return { lost, unexplained }
  }

  gotWrongBytes(order: Order, what: string): void {
    this.wrong.push(`${order.kind} ${order.number}: ${what}`)
  }

  private describe({ order, loss, endedAt }: Ended, zero: number): string {
    const at = (time: number): string => `${Math.round(time - zero)} ms`
    const links = [...this.sightings(order.number).keys()].map(
      ({ link, broken }) => `${link.name}${broken === undefined ? '' : ` (${broken.how} at ${at(broken.at)})`}`,
    )
    return `${order.kind} ${order.number}, ${at(order.startedAt)} to ${at(endedAt)}: ${loss.how}${loss.began ? ', begun' : ''}; worker ${loss.worker}${loss.clientLink === undefined ? '' : ', by the link of clients'}; seen by ${links.join(', ') || 'no node'}`
  }

  private checkSent(order: Order): void {
    const seen = this.seen.get(order.number)
    if (order.idempotent || seen === undefined || seen.size < 2) return
    this.wrong.push(
      `${order.kind} ${order.number}: sent ${seen.size} times, to ${[...seen.keys()].map(({ link }) => link.name).join(', ')}`,
    )
  }
}

const add = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1)
