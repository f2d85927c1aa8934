import {
  canonicalPath,
  canonicalQuery,
  canonicalRequest,
  canonicalValue,
  encodeUri,
  signedNames,
} from './canonical-request.ts'
import { ALGORITHM, amzDate, scopeText, type Credentials, type CredentialScope } from './credentials.ts'
import { sha256Hex, signatureOf } from './digest.ts'

/** The hash of a payload that the signature does not cover. */
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

export interface RequestToSign {
  readonly method: string
  /** With scheme, host and query; the path and the query are sent as they stand here. */
  readonly url: string | URL
  /** By name in any case. `host` is taken from the URL unless it is here. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string | undefined
  /** In place of the body's SHA-256: `UNSIGNED_PAYLOAD`, `STREAMING_PAYLOAD`, or a hash that is known already. */
  readonly payloadHash?: string | undefined
  readonly service: string
  readonly region: string
  readonly credentials: Credentials
  readonly now?: Date
}

export interface SignedRequest {
  /** All headers to send, by name in lower case, `authorization` and `host` among them. */
  readonly headers: Readonly<Record<string, string>>
  /** In hexadecimal; the seed of signed chunks. */
  readonly signature: string
  readonly scope: CredentialScope
  /** `20261121T183000Z` */
  readonly date: string
}

/**
 * Signs a request by its headers: AWS Signature Version 4. `x-amz-content-sha256` is added, as S3 wants it and no other service minds.
 */
export function signRequest(request: RequestToSign): SignedRequest {
  const { credentials, service } = request
  const url = typeof request.url === 'string' ? new URL(request.url) : request.url
  const date = amzDate(request.now ?? new Date())
  const scope = { date: date.slice(0, 8), region: request.region, service }
  const headers = lowerCase(request.headers)
  headers['host'] ??= url.host
  headers['x-amz-date'] = date
  if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken
  const payloadHash = (headers['x-amz-content-sha256'] = hashOf(request, headers))

  const fields = fieldsToSign(headers)
  const canonical = canonicalRequest(
    request.method,
    canonicalPath(url.pathname, service),
    queryOf(url),
    fields,
    payloadHash,
  )
  const signature = signatureOf(credentials.secretAccessKey, date, scope, canonical)
  headers['authorization'] =
    `${ALGORITHM} Credential=${credentials.accessKeyId}/${scopeText(scope)}, SignedHeaders=${signedNames(fields)}, Signature=${signature}`
  return { headers, signature, scope, date }
}

/** A week: what services accept. */
const MAX_EXPIRY_SECONDS = 604_800

/**
 * Signs a request by its query: a link that whoever has it may use until it expires. Headers other than `host` must be sent as they are
 * signed here; those that begin with `x-amz-` move into the query.
 */
export function presignUrl(request: RequestToSign & { readonly expiresInSeconds: number }): URL {
  const { credentials, service, expiresInSeconds } = request
  if (!(expiresInSeconds >= 1 && expiresInSeconds <= MAX_EXPIRY_SECONDS)) {
    throw new RangeError(`a signed URL is good for 1 to ${MAX_EXPIRY_SECONDS} seconds, not ${expiresInSeconds}`)
  }
  const url = new URL(request.url)
  const date = amzDate(request.now ?? new Date())
  const scope = { date: date.slice(0, 8), region: request.region, service }
  const headers = lowerCase(request.headers)
  headers['host'] ??= url.host
  const payloadHash = hashOf(request, headers)
  const members: [string, string][] = []
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('x-amz-')) continue
    delete headers[name]
    members.push([name, value])
  }
  const fields = fieldsToSign(headers)
  members.push(
    ['X-Amz-Algorithm', ALGORITHM],
    ['X-Amz-Credential', `${credentials.accessKeyId}/${scopeText(scope)}`],
    ['X-Amz-Date', date],
    ['X-Amz-Expires', String(expiresInSeconds)],
    ['X-Amz-SignedHeaders', signedNames(fields)],
  )
  if (credentials.sessionToken !== undefined) members.push(['X-Amz-Security-Token', credentials.sessionToken])
  addMembers(url, members)
  const canonical = canonicalRequest(
    request.method,
    canonicalPath(url.pathname, service),
    queryOf(url),
    fields,
    payloadHash,
  )
  addMembers(url, [['X-Amz-Signature', signatureOf(credentials.secretAccessKey, date, scope, canonical)]])
  return url
}

function addMembers(url: URL, members: readonly (readonly [string, string])[]): void {
  const query = members.map(([name, value]) => `${encodeUri(name)}=${encodeUri(value)}`).join('&')
  url.search = url.search.length > 1 ? `${url.search}&${query}` : query
}

function lowerCase(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  const lower: Record<string, string> = {}
  for (const name of Object.keys(headers)) lower[name.toLowerCase()] = headers[name]
  delete lower['authorization']
  delete lower['x-amz-date']
  return lower
}

function hashOf(request: RequestToSign, headers: Readonly<Record<string, string>>): string {
  return request.payloadHash ?? headers['x-amz-content-sha256'] ?? sha256Hex(request.body ?? '')
}

function queryOf(url: URL): string {
  const query = canonicalQuery(url.search.slice(1))
  if (query === undefined) throw new TypeError(`the query of ${url.href} has a percent sign that encodes nothing`)
  return query
}

/** What proxies on the way may change or add: not signed. */
const UNSIGNED = new Set([
  'cache-control',
  'connection',
  'expect',
  'from',
  'keep-alive',
  'max-forwards',
  'pragma',
  'referer',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-amzn-trace-id',
])

const fieldsToSign = (headers: Readonly<Record<string, string>>): [string, string][] =>
  Object.keys(headers)
    .filter((name) => !UNSIGNED.has(name) && !name.startsWith('proxy-') && !name.startsWith('sec-'))
    .toSorted()
    .map((name) => [name, canonicalValue(headers[name])])
