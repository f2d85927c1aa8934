import type { Claims } from './claims.ts'

/** A token whose signature was right. */
export interface VerifiedToken {
  readonly claims: Claims
  /** What the consumer that it is of says: another object means another configuration, and the signature is checked again. */
  readonly consumer: object
  /** Of the keys that it was checked with, where they may change; 0 otherwise. */
  readonly generation: number
}

/** Of the tokens of one half, in characters: 1 MiB, some 3,000 tokens. */
const MAX_CHARACTERS = 1_048_576

/**
 * The tokens seen last, so that a signature is checked once and not with each request of a caller. Two halves: when the younger one is full it
 * becomes the elder, and what was in that is forgotten unless it was used since. Only tokens with a right signature come in: strangers cannot
 * fill it.
 */
export class VerifiedTokens {
  private young = new Map<string, VerifiedToken>()
  private old = new Map<string, VerifiedToken>()
  private characters = 0

  get(token: string): VerifiedToken | undefined {
    const known = this.young.get(token)
    if (known !== undefined) return known
    const elder = this.old.get(token)
    if (elder !== undefined) this.set(token, elder)
    return elder
  }

  set(token: string, verified: VerifiedToken): void {
    if (!this.young.has(token)) this.characters += token.length
    this.young.set(token, verified)
    if (this.characters < MAX_CHARACTERS) return
    this.old = this.young
    this.young = new Map()
    this.characters = 0
  }

  delete(token: string): void {
    if (this.young.delete(token)) this.characters -= token.length
    this.old.delete(token)
  }

  get size(): number {
    return this.young.size + this.old.size
  }
}
