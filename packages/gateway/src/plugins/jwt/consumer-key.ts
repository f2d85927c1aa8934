import { createPublicKey, type KeyObject } from 'node:crypto'
import { type Algorithm, CURVES, isSymmetric } from './algorithms.ts'

/** What a consumer says of how its tokens are signed. */
export interface KeyFields {
  readonly algorithm: Algorithm
  readonly secret?: string | undefined
  readonly base64_secret: boolean
  readonly public_key?: string | undefined
  readonly jwks_uri?: string | undefined
}

/** RFC 7518 section 3.3. */
const MIN_RSA_BITS = 2_048

/** What checks the tokens of a consumer that has its key itself. */
export function keyOf(config: KeyFields): KeyObject | Uint8Array | undefined {
  const { secret, base64_secret: encoded, public_key: pem } = config
  if (isSymmetric(config.algorithm))
    return secret === undefined ? undefined : Buffer.from(secret, encoded ? 'base64' : 'utf8')
  return pem === undefined ? undefined : createPublicKey(pem)
}

interface Problem {
  readonly path: string
  readonly message: string
}

/**
 * What is wrong with these fields together. A key of another kind than the algorithm is refused here, so that no token can choose what its
 * signature is checked with.
 */
export function keyProblem(config: KeyFields): Problem | undefined {
  const { algorithm, secret, base64_secret: encoded, public_key: pem, jwks_uri: uri } = config
  if (isSymmetric(algorithm)) {
    const other = pem !== undefined ? 'public_key' : uri !== undefined ? 'jwks_uri' : undefined
    if (other !== undefined)
      return {
        path: `/${other}`,
        message: `has no meaning with ${algorithm}; write the "algorithm" of the key, as RS256`,
      }
    if (secret === undefined) return { path: '', message: `"secret" is missing, which ${algorithm} signs with` }
    return encoded && !isBase64(secret) ? { path: '/secret', message: 'is not base64' } : undefined
  }
  if (secret !== undefined)
    return {
      path: '/secret',
      message: `has no meaning with ${algorithm}; remove it, tokens are checked with the public key`,
    }
  if (encoded) return { path: '/base64_secret', message: `has no meaning with ${algorithm}; remove it` }
  if (pem !== undefined && uri !== undefined)
    return { path: '/jwks_uri', message: 'and "public_key" exclude each other; remove one of the two' }
  if (uri !== undefined) return uriProblem(uri)
  if (pem === undefined) return { path: '', message: `${algorithm} needs "public_key" or "jwks_uri"` }
  return pemProblem(pem, algorithm)
}

function uriProblem(uri: string): Problem | undefined {
  const path = '/jwks_uri'
  if (!URL.canParse(uri)) return { path, message: 'is not a URL; write it as "https://idp.example.com/jwks.json"' }
  const { protocol } = new URL(uri)
  return protocol === 'https:' || protocol === 'http:'
    ? undefined
    : { path, message: 'must begin with "https://" or "http://"' }
}

function pemProblem(pem: string, algorithm: Algorithm): Problem | undefined {
  const path = '/public_key'
  // A private key would do, and would then be wherever the configuration is.
  if (pem.includes('PRIVATE KEY')) return { path, message: 'is a private key; write the public key that belongs to it' }
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch {
    return { path, message: 'is no public key in PEM; copy it with its BEGIN and END lines' }
  }
  const { asymmetricKeyType: type = 'unknown', asymmetricKeyDetails: details } = key
  const wanted = algorithm === 'EdDSA' ? 'ed25519' : algorithm.startsWith('ES') ? 'ec' : 'rsa'
  if (type !== wanted) return { path, message: `is a key of the kind ${type}, and ${algorithm} needs ${wanted}` }
  if (wanted === 'rsa' && (details?.modulusLength ?? 0) < MIN_RSA_BITS)
    return { path, message: `has ${details?.modulusLength} bits; RSA keys need ${MIN_RSA_BITS} (RFC 7518)` }
  const curve = CURVES[algorithm]
  if (curve !== undefined && details?.namedCurve !== curve)
    return { path, message: `is on the curve ${details?.namedCurve}, and ${algorithm} needs ${curve}` }
  return undefined
}

/** Either alphabet, with or without padding. */
const isBase64 = (text: string): boolean => /^[A-Za-z0-9+/_-]+={0,2}$/.test(text)
