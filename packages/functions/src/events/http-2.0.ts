import { isUtf8 } from 'node:buffer'
import type { EventRequest } from './event-request.ts'
import { logTime } from './event-request.ts'
import { addField, fieldsOf, hasField, MalformedAnswer, statusOf, type HttpAnswer } from './http-answer.ts'

/** What a payload 2.0 event says besides the request itself. */
export interface Http2Context {
  readonly accountId: string
  readonly apiId: string
  readonly domainPrefix: string
  readonly requestId: string
  /** `GET /a/{id}`, `$default` */
  readonly routeKey: string
  /** `$default`, or a name that the path begins with. */
  readonly stage: string
  /** Milliseconds since 1970. */
  readonly timeMs: number
  readonly pathParameters?: Readonly<Record<string, string>> | undefined
  readonly stageVariables?: Readonly<Record<string, string>> | undefined
  /** `{ jwt }`, `{ lambda }` or `{ iam }` */
  readonly authorizer?: object | undefined
  /** `{ clientCert }` */
  readonly authentication?: object | undefined
}

/** Payload format 2.0 of HTTP APIs and function URLs. What is not there is left out, not null. */
export function http2Event(request: EventRequest, context: Http2Context): object {
  const { method, path, query, body, sourceIp, protocol, domainName } = request
  const { headers, cookies } = lowerCaseFields(request.headers)
  const text = isText(headers['content-type']) && isUtf8(body)
  return {
    version: '2.0',
    routeKey: context.routeKey,
    rawPath: path,
    rawQueryString: query,
    ...(cookies.length > 0 ? { cookies } : {}),
    headers,
    ...(query === '' ? {} : { queryStringParameters: joinedQuery(query) }),
    requestContext: {
      accountId: context.accountId,
      apiId: context.apiId,
      ...(context.authentication === undefined ? {} : { authentication: context.authentication }),
      ...(context.authorizer === undefined ? {} : { authorizer: context.authorizer }),
      domainName,
      domainPrefix: context.domainPrefix,
      http: { method, path, protocol, sourceIp, userAgent: headers['user-agent'] ?? '' },
      requestId: context.requestId,
      routeKey: context.routeKey,
      stage: context.stage,
      time: logTime(context.timeMs),
      timeEpoch: context.timeMs,
    },
    ...(context.pathParameters === undefined ? {} : { pathParameters: context.pathParameters }),
    ...(context.stageVariables === undefined ? {} : { stageVariables: context.stageVariables }),
    ...(body.length === 0 ? {} : { body: body.toString(text ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !text,
  }
}

/**
 * The answer of a function in payload format 2.0. An object with `statusCode` is taken as it says; of anything else the whole is the body, with
 * status 200.
 * @param payload JSON
 */
export function http2Answer(payload: Buffer): HttpAnswer | MalformedAnswer {
  let value: unknown
  try {
    value = JSON.parse(payload.toString())
  } catch {
    return new MalformedAnswer('the answer is no JSON')
  }
  if (!isStructured(value)) return inferred(value, payload)
  const status = statusOf(value.statusCode)
  if (status === undefined) return new MalformedAnswer(`${JSON.stringify(value.statusCode)} is no status`)
  const headers = fieldsOf(value.headers)
  if (typeof headers === 'string') return new MalformedAnswer(headers)
  const problem = addCookies(headers, value.cookies)
  if (problem !== undefined) return new MalformedAnswer(problem)
  const { body, isBase64Encoded } = value
  if (body !== undefined && body !== null && typeof body !== 'string') return new MalformedAnswer('body is no text')
  if (!hasField(headers, 'content-type')) headers.push(['Content-Type', 'application/json'])
  return { status, headers, body: Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8') }
}

/** `Set-Cookie` fields of a `cookies` list. @returns what is wrong with it */
export function addCookies(headers: [string, string][], cookies: unknown): string | undefined {
  if (cookies === undefined || cookies === null) return undefined
  if (!Array.isArray(cookies)) return 'cookies is no list'
  for (const cookie of cookies as unknown[]) {
    if (typeof cookie !== 'string') return 'a cookie is no text'
    const problem = addField(headers, 'Set-Cookie', cookie)
    if (problem !== undefined) return problem
  }
  return undefined
}

interface Structured {
  readonly statusCode: unknown
  readonly headers?: unknown
  readonly cookies?: unknown
  readonly body?: unknown
  readonly isBase64Encoded?: unknown
}

const isStructured = (value: unknown): value is Structured =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && 'statusCode' in value

/** A text goes out without its quotes, as recorded from AWS; null as nothing. */
const inferred = (value: unknown, payload: Buffer): HttpAnswer => ({
  status: 200,
  headers: [['Content-Type', 'application/json']],
  body: typeof value === 'string' ? Buffer.from(value) : value === null ? Buffer.alloc(0) : payload,
})

interface LowerCaseFields {
  readonly headers: Record<string, string>
  readonly cookies: string[]
}

function lowerCaseFields(fields: EventRequest['headers']): LowerCaseFields {
  const headers: Record<string, string> = {}
  const cookies: string[] = []
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    if (lower === 'cookie') cookies.push(...value.split(/; */).filter((cookie) => cookie !== ''))
    else headers[lower] = Object.hasOwn(headers, lower) ? `${headers[lower]},${value}` : value
  }
  return { headers, cookies }
}

function joinedQuery(query: string): Record<string, string> {
  const joined: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(query)) {
    joined[name] = Object.hasOwn(joined, name) ? `${joined[name]},${value}` : value
  }
  return joined
}

/**
 * Types whose body stands in the event as text. Forms (`application/x-www-form-urlencoded`) do not: AWS encodes them, as everyone learned whose
 * Slack or Twilio hook got base64.
 */
const isText = (contentType = ''): boolean => {
  const type = contentType.split(';', 1)[0].trim().toLowerCase()
  return type.startsWith('text/') || TEXT_TYPES.has(type) || type.endsWith('+json') || type.endsWith('+xml')
}
const TEXT_TYPES = new Set(['application/json', 'application/javascript', 'application/xml'])
