import { keyExchangeGroups, POST_QUANTUM_GROUP } from './key-exchange.ts'
import { offersFips, useFips } from './fips.ts'

/** What cryptography there is in this Node.js, and which of it is used. */
export interface TlsFeatures {
  /** The version of OpenSSL. */
  readonly openssl: string
  /** The post-quantum group that key exchange prefers; null = this OpenSSL has none. */
  readonly postQuantum: string | null
  /** `unavailable`: asked for, and not there, so that a start is refused. */
  readonly fips: 'on' | 'off' | 'unavailable'
}

/** @param fips the setting. FIPS mode is on in this process afterwards when it says so: the other answers are then those of that mode. */
export function tlsFeatures(fips: boolean): TlsFeatures {
  const available = fips && offersFips()
  if (available) useFips()
  return {
    openssl: process.versions.openssl,
    postQuantum: keyExchangeGroups() === undefined ? null : POST_QUANTUM_GROUP,
    fips: available ? 'on' : fips ? 'unavailable' : 'off',
  }
}

/** `TLS: OpenSSL 3.0.17; no post-quantum key exchange (needs OpenSSL 3.5, Node.js 24); FIPS mode off`. */
export function describeFeatures({ openssl, postQuantum, fips }: TlsFeatures): string {
  const exchange =
    postQuantum === null
      ? 'no post-quantum key exchange (needs OpenSSL 3.5, Node.js 24)'
      : `post-quantum key exchange on (${postQuantum})`
  const mode = fips === 'unavailable' ? 'FIPS mode is asked for and not available' : `FIPS mode ${fips}`
  return `TLS: OpenSSL ${openssl}; ${exchange}; ${mode}`
}
