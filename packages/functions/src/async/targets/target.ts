import type { Delivery } from '../delivery.ts'

/** Where messages go that are not for functions. One file for each kind. */
export interface Target {
  /** Resolves when it is safe there. Rejects with what is wrong; it is tried again then. */
  send(delivery: Delivery): Promise<void>
  close(): Promise<void>
}
