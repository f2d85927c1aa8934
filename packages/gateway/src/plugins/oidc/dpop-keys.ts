import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject, webcrypto } from 'node:crypto'
import type { OidcConfig } from './schema.ts'

type Dpop = OidcConfig['dpop']

/** What is wrong with the keys of `dpop`. */
export function dpopProblem(dpop: Dpop): { path: string; message: string } | undefined {
  if (dpop?.enabled !== true) return undefined
  if (dpop.private_key === undefined) return { path: '/dpop', message: '"private_key" is missing' }
  if (dpop.public_jwk === undefined) return { path: '/dpop', message: '"public_jwk" is missing' }
  const secret = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].find((name) =>
    Object.hasOwn(dpop.public_jwk ?? {}, name),
  )
  if (secret !== undefined) return { path: '/dpop/public_jwk', message: `has a private part, "${secret}"; remove it` }
  let key: KeyObject
  try {
    key = createPrivateKey(dpop.private_key)
  } catch {
    return { path: '/dpop/private_key', message: 'is not a private key; write it as PEM' }
  }
  const wanted = dpop.signing_alg === 'ES256' ? 'ec' : 'rsa'
  if (key.asymmetricKeyType !== wanted) {
    return {
      path: '/dpop/private_key',
      message: `is not a key for ${dpop.signing_alg}, which needs one of type ${wanted}`,
    }
  }
  try {
    const given = createPublicKey({ key: dpop.public_jwk as JsonWebKey, format: 'jwk' })
    if (given.equals(createPublicKey(key))) return undefined
  } catch {
    return { path: '/dpop/public_jwk', message: 'is not a public key; write it as JWK' }
  }
  return { path: '/dpop/public_jwk', message: 'belongs to another key than "private_key"' }
}

/** Both keys, for the proofs; undefined where there are to be none. */
export async function dpopKeys(dpop: Dpop): Promise<webcrypto.CryptoKeyPair | undefined> {
  if (dpop?.enabled !== true || dpop.private_key === undefined) return undefined
  const key = createPrivateKey(dpop.private_key)
  const algorithm =
    dpop.signing_alg === 'ES256'
      ? { name: 'ECDSA', namedCurve: 'P-256' }
      : { name: dpop.signing_alg === 'RS256' ? 'RSASSA-PKCS1-v1_5' : 'RSA-PSS', hash: 'SHA-256' }
  const { subtle } = webcrypto
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return {
    privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
  }
}
