import { ALGORITHM, type CredentialScope } from './credentials.ts'

/** What a request says of its signature. Nothing of it is proven. */
export interface ClaimedSignature {
  readonly accessKeyId: string
  readonly scope: CredentialScope
  /** `20261121T183000Z` */
  readonly date: string
  /** `date` in milliseconds since 1970. */
  readonly signedAt: number
  /** In lower case, sorted. */
  readonly signedHeaders: readonly string[]
  /** 64 hexadecimal digits. */
  readonly signature: string
  readonly sessionToken: string | undefined
  /** Of a signed URL. */
  readonly expiresInMs: number | undefined
}

/** From the headers; a text says what is wrong. `fields`: by name in lower case. */
export function parseAuthorization(
  authorization: string,
  fields: ReadonlyMap<string, string>,
): ClaimedSignature | string {
  if (authorization.length > MAX_LENGTH) return 'Authorization header is too long.'
  if (!authorization.startsWith(`${ALGORITHM} `)) return `Authorization header requires the algorithm ${ALGORITHM}.`
  const parts = new Map<string, string>()
  for (const part of authorization.slice(ALGORITHM.length + 1).split(',')) {
    const equals = part.indexOf('=')
    const name = part.slice(0, Math.max(0, equals)).trim()
    if (equals < 0 || parts.has(name)) return `Authorization header is malformed near '${part.trim()}'.`
    parts.set(name, part.slice(equals + 1).trim())
  }
  for (const name of ['Credential', 'SignedHeaders', 'Signature']) {
    if (!parts.has(name)) return `Authorization header requires '${name}' parameter.`
  }
  const date = fields.get('x-amz-date')
  if (date === undefined) return "Authorization header requires existence of the 'X-Amz-Date' header."
  return claim(
    parts.get('Credential')!,
    parts.get('SignedHeaders')!,
    parts.get('Signature')!,
    date,
    fields.get('x-amz-security-token'),
    undefined,
  )
}

/** From the query of a signed URL. */
export function parsePresigned(query: string): ClaimedSignature | string {
  const members = new URLSearchParams(query)
  for (const name of ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-SignedHeaders', 'X-Amz-Signature', 'X-Amz-Date']) {
    if (members.getAll(name).length !== 1) return `AWS query-string parameters must include '${name}' once.`
  }
  if (members.get('X-Amz-Algorithm') !== ALGORITHM) return `X-Amz-Algorithm must be ${ALGORITHM}.`
  const expires = members.get('X-Amz-Expires') ?? ''
  if (!/^\d{1,6}$/.test(expires) || Number(expires) < 1 || Number(expires) > 604_800) {
    return 'X-Amz-Expires must be 1 to 604800 seconds.'
  }
  return claim(
    members.get('X-Amz-Credential')!,
    members.get('X-Amz-SignedHeaders')!,
    members.get('X-Amz-Signature')!,
    members.get('X-Amz-Date')!,
    members.get('X-Amz-Security-Token') ?? undefined,
    Number(expires) * 1000,
  )
}

/** A header of 32 KiB would be split into thousands of parts. */
const MAX_LENGTH = 8_192

function claim(
  credential: string,
  signedHeaders: string,
  signature: string,
  date: string,
  sessionToken: string | undefined,
  expiresInMs: number | undefined,
): ClaimedSignature | string {
  // An access key id may have slashes in it; the scope has none.
  const scope = /^(.+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request$/.exec(credential)
  if (scope === null) return `Credential must be ACCESS_KEY/DATE/REGION/SERVICE/aws4_request: '${credential}'.`
  const time = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date)
  if (time === null) return `Date must be in ISO-8601 'basic format': '${date}'.`
  const [, year, month, day, hour, minute, second] = time
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(signedAt)) return `Date is no date: '${date}'.`
  if (scope[2] !== date.slice(0, 8)) {
    return `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${scope[2]}' != '${date.slice(0, 8)}'.`
  }
  const names = signedHeaders.split(';')
  for (let at = 0; at < names.length; at++) {
    const sorted = at === 0 || names[at - 1] < names[at]
    if (!sorted || !/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(names[at])) return 'SignedHeaders must be lower case and sorted.'
  }
  if (!/^[0-9a-f]{64}$/.test(signature)) return 'Signature must be 64 hexadecimal digits.'
  return {
    accessKeyId: scope[1],
    scope: { date: scope[2], region: scope[3], service: scope[4] },
    date,
    signedAt,
    signedHeaders: names,
    signature,
    sessionToken,
    expiresInMs,
  }
}
