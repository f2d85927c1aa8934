import { loadTls } from '@sekisho/wire'

/** The post-quantum group: ML-KEM-768 together with X25519, so that it is as safe as the older of the two at least. OpenSSL 3.5, Node 24. */
export const POST_QUANTUM_GROUP = 'X25519MLKEM768'

/** Hybrid first, then what clients without it offer. */
const GROUPS = `${POST_QUANTUM_GROUP}:X25519:P-256:P-384`

let known: { readonly groups: string | undefined } | undefined

/** Key exchange groups in our order; undefined, which is OpenSSL's own order, where there is no post-quantum one. */
export function keyExchangeGroups(): string | undefined {
  return (known ??= { groups: accepted(GROUPS) }).groups
}

/** OpenSSL is asked, not its version: a build, or FIPS mode, may leave the group out. */
function accepted(groups: string): string | undefined {
  try {
    loadTls().createSecureContext({ ecdhCurve: groups })
    return groups
  } catch {
    return undefined
  }
}
