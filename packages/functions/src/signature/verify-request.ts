import { timingSafeEqual } from 'node:crypto'
import { canonicalPath, canonicalQuery, canonicalRequest, canonicalValue } from './canonical-request.ts'
import { amzDate, type Credentials } from './credentials.ts'
import { sha256Hex, signatureOf } from './digest.ts'
import { parseAuthorization, parsePresigned, type ClaimedSignature } from './claimed-signature.ts'
import { UNSIGNED_PAYLOAD } from './sign-request.ts'

export interface RequestToVerify {
  readonly method: string
  /** As it is on the wire. */
  readonly path: string
  /** As it is on the wire, without `?`. */
  readonly query: string
  /** Name and value of each field; wire's `Headers` are such. */
  readonly headers: Iterable<readonly [string, string]>
  readonly body: Uint8Array
}

export interface VerifyOptions {
  /** The credentials of an access key id; undefined: nobody's. */
  readonly credentials: (accessKeyId: string) => Credentials | undefined
  /** `lambda`; more than one where several services share an address. */
  readonly services: readonly string[]
  /** undefined: any. */
  readonly region?: string | undefined
  /** `UNSIGNED-PAYLOAD` is accepted. Default: only for S3. */
  readonly unsignedPayload?: boolean
  /** How far the clocks may differ. Default 5 minutes. */
  readonly maxSkewMs?: number
  readonly now?: Date
}

/** Why a signature was not accepted, in AWS's words. */
export class SignatureProblem {
  readonly code:
    | 'MissingAuthenticationTokenException'
    | 'IncompleteSignatureException'
    | 'UnrecognizedClientException'
    | 'InvalidSignatureException'
  readonly message: string

  constructor(code: SignatureProblem['code'], message: string) {
    this.code = code
    this.message = message
  }

  get status(): number {
    return this.code === 'IncompleteSignatureException' ? 400 : 403
  }
}

export interface VerifiedSignature {
  readonly accessKeyId: string
  readonly region: string
  readonly service: string
}

/**
 * Checks the signature of a request that was read whole, in its headers or in its query. Everything that changes what the request means must be
 * covered: `host` and all `x-amz-` headers. Expected failures are returned.
 */
export function verifyRequest(request: RequestToVerify, options: VerifyOptions): VerifiedSignature | SignatureProblem {
  const fields = fieldsOf(request.headers)
  const claim = claimedSignature(request, fields)
  if (claim instanceof SignatureProblem) return claim
  const { scope } = claim
  if (!options.services.includes(scope.service)) {
    return invalid(`Credential should be scoped to correct service: '${options.services[0]}'. `)
  }
  if (options.region !== undefined && scope.region !== options.region) {
    return invalid('Credential should be scoped to a valid region. ')
  }
  const untimely = checkTime(claim, options.now ?? new Date(), options.maxSkewMs ?? MAX_SKEW_MS)
  if (untimely !== undefined) return untimely
  const uncovered = checkCoverage(claim, fields)
  if (uncovered !== undefined) return uncovered

  const credentials = options.credentials(claim.accessKeyId)
  if (credentials === undefined || !sameText(credentials.sessionToken ?? '', claim.sessionToken ?? '')) {
    return new SignatureProblem('UnrecognizedClientException', 'The security token included in the request is invalid.')
  }
  const payloadHash = hashToSign(request, fields, claim, options)
  const query = canonicalQuery(request.query)
  if (payloadHash === undefined || query === undefined) return invalid(MISMATCH)
  const canonical = canonicalRequest(
    request.method,
    canonicalPath(request.path, scope.service),
    query,
    claim.signedHeaders.map((name) => [name, fields.get(name) ?? '']),
    payloadHash,
  )
  const expected = signatureOf(credentials.secretAccessKey, claim.date, scope, canonical)
  if (!sameText(expected, claim.signature)) return invalid(MISMATCH)
  return { accessKeyId: claim.accessKeyId, region: scope.region, service: scope.service }
}

const MAX_SKEW_MS = 300_000
const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.'

const invalid = (message: string): SignatureProblem => new SignatureProblem('InvalidSignatureException', message)

/** By name in lower case; several of a name joined as they are signed. */
function fieldsOf(headers: Iterable<readonly [string, string]>): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    const before = fields.get(lower)
    fields.set(lower, before === undefined ? canonicalValue(value) : `${before},${canonicalValue(value)}`)
  }
  return fields
}

function claimedSignature(
  request: RequestToVerify,
  fields: ReadonlyMap<string, string>,
): ClaimedSignature | SignatureProblem {
  const authorization = fields.get('authorization')
  const inQuery = request.query.includes('X-Amz-Algorithm=')
  if (authorization === undefined && !inQuery) {
    return new SignatureProblem('MissingAuthenticationTokenException', 'Missing Authentication Token')
  }
  const claim = authorization === undefined ? parsePresigned(request.query) : parseAuthorization(authorization, fields)
  if (typeof claim !== 'string') return claim
  return new SignatureProblem('IncompleteSignatureException', claim)
}

function checkTime(claim: ClaimedSignature, now: Date, maxSkewMs: number): SignatureProblem | undefined {
  const age = now.getTime() - claim.signedAt
  const lifeMs = claim.expiresInMs ?? maxSkewMs
  if (age > lifeMs) {
    const limit = new Date(now.getTime() - lifeMs)
    return invalid(`Signature expired: ${claim.date} is now earlier than ${amzDate(limit)} (${amzDate(now)})`)
  }
  if (age < -maxSkewMs) {
    const limit = new Date(now.getTime() + maxSkewMs)
    return invalid(`Signature not yet current: ${claim.date} is still later than ${amzDate(limit)} (${amzDate(now)})`)
  }
  return undefined
}

function checkCoverage(claim: ClaimedSignature, fields: ReadonlyMap<string, string>): SignatureProblem | undefined {
  const signed = new Set(claim.signedHeaders)
  if (!signed.has('host')) return invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.")
  for (const name of fields.keys()) {
    if (name.startsWith('x-amz-') && !signed.has(name)) {
      return invalid(`'${name}' must be a 'SignedHeader' in the AWS Authorization.`)
    }
  }
  for (const name of signed) {
    if (!fields.has(name)) return invalid(MISMATCH)
  }
  return undefined
}

/** undefined: the body is not the one that was signed, or how it was signed is not accepted. */
function hashToSign(
  request: RequestToVerify,
  fields: ReadonlyMap<string, string>,
  claim: ClaimedSignature,
  options: VerifyOptions,
): string | undefined {
  const s3 = claim.scope.service === 's3'
  const told =
    fields.get('x-amz-content-sha256') ?? (s3 && claim.expiresInMs !== undefined ? UNSIGNED_PAYLOAD : undefined)
  if (told === UNSIGNED_PAYLOAD) return (options.unsignedPayload ?? s3) ? told : undefined
  const hash = sha256Hex(request.body)
  return told === undefined || told === hash ? hash : undefined
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
