/** Signed with a secret that both sides know. */
export const SYMMETRIC = ['HS256', 'HS384', 'HS512'] as const
/** Signed with a private key, checked with a public one. `none` is in neither list. */
export const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
] as const

export type Algorithm = (typeof SYMMETRIC)[number] | (typeof ASYMMETRIC)[number]

export const isSymmetric = (algorithm: Algorithm): boolean => algorithm.startsWith('HS')

/** RFC 7518 section 3.4: one curve for each. */
export const CURVES: Readonly<Record<string, string>> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' }
