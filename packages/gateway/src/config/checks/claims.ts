import type { Finding } from '../problem.ts'

/** Something that one resource alone may have: the key of a consumer, the name of a certificate, a plugin in a global rule. */
export interface Claim {
  /** Unique among all claims of all kinds. */
  readonly name: string
  /** What is wrong when `holder` has it already. */
  readonly taken: (holder: string) => Finding
}

/** Who has what. */
export interface Claims {
  /** The one that has it already, in words; undefined: now it is `holder`. */
  take(name: string, holder: string): string | undefined
}

/** The name of a server in a certificate, as a claim. */
export const serverNameClaim = (name: string): string => `ssls ${name}`

/** The claims of one document. */
export class DocumentClaims implements Claims {
  private readonly holders = new Map<string, string>()

  /** @param domains names that certificates from ACME are for */
  constructor(domains: readonly string[]) {
    for (const domain of domains) this.holders.set(serverNameClaim(domain), ACME_HOLDER)
  }

  take(name: string, holder: string): string | undefined {
    const known = this.holders.get(name)
    if (known === undefined) this.holders.set(name, holder)
    return known
  }
}

export const ACME_HOLDER = '"acme"'
