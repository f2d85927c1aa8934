import type { Claims } from './claims.ts'

/** A token whose signature was right. */
export interface VerifiedToken {
  readonly claims: Claims
  /** What the consumer that it is of says: another object means another configuration, and the signature is checked again. */
  readonly consumer: object
  /** Of the keys that it was checked with, where they may change; 0 otherwise. */
  readonly generation: number
}
