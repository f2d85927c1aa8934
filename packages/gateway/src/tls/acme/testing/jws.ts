import { createHash, createHmac, createPublicKey, verify, type JsonWebKey, type KeyObject } from 'node:crypto'

/** A problem document (RFC 8555 section 6.7). */
export class AcmeProblem extends Error {
  readonly type: string
  readonly status: number

  constructor(type: string, status: number, detail: string) {
    super(detail)
    this.type = type
    this.status = status
  }
}

/** The header of a request (RFC 8555 section 6.2). */
export interface JwsHeader {
  readonly alg: string
  readonly url: string
  readonly nonce?: string
  readonly jwk?: JsonWebKey
  readonly kid?: string
}

/** A request whose form was looked at, and nothing else. */
export interface ParsedJws {
  readonly header: JwsHeader
  /** undefined: POST-as-GET. */
  readonly payload: Readonly<Record<string, unknown>> | undefined
  readonly signed: Buffer
  readonly signature: Buffer
}

/** Flattened JSON serialisation (RFC 7515 section 7.2.2), with nothing in it that RFC 8555 forbids. */
export function parseJws(text: string): ParsedJws {
  const fields = JSON.parse(text) as Record<string, string>
  if (Object.keys(fields).sort().join() !== 'payload,protected,signature')
    throw malformed(`a JWS with ${Object.keys(fields).join()}`)
  const { protected: head, payload, signature } = fields
  for (const part of [head, payload, signature])
    if (!/^[A-Za-z0-9_-]*$/.test(part)) throw malformed('a part of the JWS is not base64url')
  const header = JSON.parse(decode(head).toString()) as JwsHeader
  if ((header.jwk === undefined) === (header.kid === undefined))
    throw malformed('exactly one of jwk and kid must be there')
  return {
    header,
    payload: payload === '' ? undefined : (JSON.parse(decode(payload).toString()) as Record<string, unknown>),
    signed: Buffer.from(`${head}.${payload}`),
    signature: decode(signature),
  }
}

/** RFC 7518 section 3: ES256 and RS256 are what an authority must know. */
export function checkSignature({ header, signed, signature }: ParsedJws, key: KeyObject): void {
  const type = { ES256: 'ec', RS256: 'rsa' }[header.alg]
  if (type === undefined) throw new AcmeProblem('badSignatureAlgorithm', 400, `alg ${header.alg}`)
  if (key.asymmetricKeyType !== type)
    throw malformed(`alg ${header.alg} with a key of the kind ${key.asymmetricKeyType}`)
  if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature))
    throw new AcmeProblem('unauthorized', 403, 'the signature is wrong')
}

export const publicKeyOf = (jwk: JsonWebKey): KeyObject => createPublicKey({ key: jwk, format: 'jwk' })

/** RFC 7638: the required members alone, in the order of their names. */
export function thumbprint(key: KeyObject): string {
  const jwk = key.export({ format: 'jwk' })
  const names = jwk.kty === 'EC' ? ['crv', 'kty', 'x', 'y'] : ['e', 'kty', 'n']
  const text = JSON.stringify(Object.fromEntries(names.map((name) => [name, jwk[name]])))
  return createHash('sha256').update(text).digest('base64url')
}

/** External account binding (RFC 8555 section 7.3.4): the account's key, signed with what customer and authority share. */
export function checkBinding(binding: unknown, url: string, kid: string, hmacKey: string, account: KeyObject): void {
  const { protected: head, payload, signature } = binding as Record<string, string>
  const header = JSON.parse(decode(head).toString()) as JwsHeader
  const inner = publicKeyOf(JSON.parse(decode(payload).toString()) as JsonWebKey)
  const mac = createHmacOf(`${head}.${payload}`, hmacKey)
  const right = header.alg === 'HS256' && header.kid === kid && header.url === url && mac === signature
  if (!right || thumbprint(inner) !== thumbprint(account))
    throw new AcmeProblem('unauthorized', 403, 'the binding is wrong')
}

export const malformed = (detail: string): AcmeProblem => new AcmeProblem('malformed', 400, detail)

export const decode = (text: string): Buffer => Buffer.from(text, 'base64url')

const createHmacOf = (text: string, key: string): string =>
  createHmac('sha256', decode(key)).update(text).digest('base64url')
