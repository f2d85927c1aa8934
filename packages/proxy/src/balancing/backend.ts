import type { ParsedNode } from './parse-nodes.ts'
import type { Ramp } from './slow-start.ts'

/** One upstream node. Identity matters: the same object is handed out for as long as the node stays in the set. */
export interface Backend {
  /** As written: `host:port`, `host`, `[v6]:port` or `unix:/path`. Unique within a balancer. */
  readonly address: string
  /** The name or address to connect to: IPv6 without its brackets, the path of a unix socket. */
  readonly host: string
  /** 1 to 65535; 0 when none was written (the caller takes 80 or 443 by scheme) and for unix sockets. */
  readonly port: number
  /** Share of the traffic within its priority. 0 takes the node out of use: it is never picked. */
  readonly weight: number
  /** Nodes of a lower priority are used only when none of a higher one is left. May be negative. */
  readonly priority: number
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** What health checks say. Starts true; may be set at any time, takes effect with the next `select`. */
  healthy: boolean
  /**
   * Whether a selector may pick it: `weight` is above 0 and it is healthy, or no node of the balancer is, since a
   * doubtful node is better than a certain 502. Kept by the balancer, so that selectors read one field.
   */
  readonly usable: boolean
  /** Set while it starts slowly. Balancers give it less then; a selector that `ramps` weighs it by `share` itself. */
  readonly slowStart?: Ramp | undefined
}

/** The balancer's side of a Backend: what `update` and health changes may write. */
export class BackendNode implements Backend {
  readonly address: string
  readonly host: string
  readonly port: number
  weight = 1
  priority = 0
  metadata: Readonly<Record<string, unknown>> | undefined
  usable = true
  slowStart: Ramp | undefined = undefined
  #healthy = true
  readonly #healthChanged: () => void

  constructor(parsed: ParsedNode, healthChanged: () => void) {
    this.address = parsed.address
    this.host = parsed.host
    this.port = parsed.port
    this.#healthChanged = healthChanged
    this.adopt(parsed)
  }

  /** Takes over what may change while the address stays. */
  adopt(parsed: ParsedNode): void {
    this.weight = parsed.weight
    this.priority = parsed.priority
    this.metadata = parsed.metadata
  }

  get healthy(): boolean {
    return this.#healthy
  }

  set healthy(healthy: boolean) {
    if (healthy === this.#healthy) return
    this.#healthy = healthy
    this.#healthChanged()
  }
}

/**
 * Settles `usable` for a whole set. Called when health or weights change, never per request.
 * @param panicThreshold percent of healthy nodes, below which all are used: those that are left would be overrun by what the others had
 */
export function settleUsable(nodes: readonly BackendNode[], panicThreshold = 0): void {
  const inUse = nodes.filter((node) => node.weight > 0)
  const healthy = inUse.filter((node) => node.healthy).length
  const panic = healthy === 0 || healthy * 100 < panicThreshold * inUse.length
  for (const node of nodes) node.usable = node.weight > 0 && (node.healthy || panic)
}
