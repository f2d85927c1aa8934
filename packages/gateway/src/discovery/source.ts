/** A node as a registry gave it. Strangers' data: what is not right is left out by `settleNodes`. */
export interface FoundNode {
  /** Name or IP address, IPv6 without brackets. */
  readonly host: string
  /** Undefined: that of the upstream's scheme. */
  readonly port: number | undefined
  /** Whole number from 0. Default 1. */
  readonly weight?: number
  /** Higher ones are used first. Default 0. */
  readonly priority?: number
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** What a source tells of one service. */
export interface ServiceListener {
  /** All nodes that the service has now; none is an answer, too. May be the same as before. */
  found(nodes: readonly FoundNode[]): void
  /** The registry could not be asked, or answered nonsense: what was found stays. The source tries again by itself. */
  failed(error: Error): void
}

/** `discovery_args`. */
export type ServiceArgs = Readonly<Record<string, unknown>>

/**
 * A registry of services. One object per process and entry of `discovery`, in the control thread; made when the first upstream needs it.
 *
 * A source retries for ever with jittered waits, bounds what it asks and reads, and keeps no nodes for its users: the last good answer,
 * empty answers and disk are the business of `Discovery`.
 */
export interface DiscoverySource {
  /** Starts what all services share. Does not wait for the registry. Rejects when its settings cannot work. */
  open(): Promise<void>
  /** Follows one service. Throws an Error with words for a name that this registry cannot have. Returns what ends it. */
  watch(service: string, args: ServiceArgs, listener: ServiceListener): () => void
  /** Ends everything: no listener is called any more. */
  close(): Promise<void>
}
