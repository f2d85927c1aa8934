import { logTime, type EventRequest } from './event-request.ts'
import { addField, fieldsOf, hasField, MalformedAnswer, statusOf, type HttpAnswer } from './http-answer.ts'
import type { MediaTypes } from './media-types.ts'
import { headerValues, orNull, queryValues } from './multi-values.ts'

/** What a payload 1.0 event says besides the request itself. */
export interface RestContext {
  readonly accountId: string
  readonly apiId: string
  readonly domainPrefix: string
  readonly requestId: string
  readonly extendedRequestId: string
  /** The path pattern of the route: `/a/{id}`, `/{proxy+}`. */
  readonly resource: string
  readonly resourceId: string
  /** First segment of `requestContext.path`, unless it is `$default`. */
  readonly stage: string
  /** Milliseconds since 1970. */
  readonly timeMs: number
  readonly binaryTypes: MediaTypes
  readonly pathParameters?: Readonly<Record<string, string>> | undefined
  readonly stageVariables?: Readonly<Record<string, string>> | undefined
  /** `{ principalId, … }` of a Lambda authorizer, `{ claims }` */
  readonly authorizer?: object | undefined
  readonly apiKey?: string | undefined
}

/** Payload format 1.0 of REST APIs. What is not there is null. */
export function restEvent(request: EventRequest, context: RestContext): object {
  const { method, path, query, body } = request
  const headers = headerValues(request.headers, false)
  const members = queryValues(query, true)
  const base64 = body.length > 0 && context.binaryTypes.has(valueOf(headers.last, 'content-type'))
  return {
    resource: context.resource,
    path,
    httpMethod: method,
    headers: orNull(headers.last),
    multiValueHeaders: orNull(headers.all),
    queryStringParameters: orNull(members.last),
    multiValueQueryStringParameters: orNull(members.all),
    pathParameters: orNull(context.pathParameters),
    stageVariables: orNull(context.stageVariables),
    requestContext: restRequestContext(request, context, valueOf(headers.last, 'user-agent') ?? null),
    body: body.length === 0 ? null : body.toString(base64 ? 'base64' : 'utf8'),
    isBase64Encoded: base64,
  }
}

/** `requestContext` of payload 1.0, and of the event of a REQUEST authorizer. */
export function restRequestContext(request: EventRequest, context: RestContext, userAgent: string | null): object {
  const { method, path, sourceIp, protocol, domainName } = request
  const { stage, timeMs, apiKey, authorizer } = context
  return {
    accountId: context.accountId,
    apiId: context.apiId,
    ...(authorizer === undefined ? {} : { authorizer }),
    deploymentId: context.apiId,
    domainName,
    domainPrefix: context.domainPrefix,
    extendedRequestId: context.extendedRequestId,
    httpMethod: method,
    identity: {
      accessKey: null,
      accountId: null,
      ...(apiKey === undefined ? {} : { apiKey, apiKeyId: apiKey }),
      caller: null,
      cognitoAuthenticationProvider: null,
      cognitoAuthenticationType: null,
      cognitoIdentityId: null,
      cognitoIdentityPoolId: null,
      principalOrgId: null,
      sourceIp,
      user: null,
      userAgent,
      userArn: null,
    },
    path: stage === '$default' ? path : `/${stage}${path}`,
    protocol,
    requestId: context.requestId,
    requestTime: logTime(timeMs),
    requestTimeEpoch: timeMs,
    resourceId: context.resourceId,
    resourcePath: context.resource,
    stage,
  }
}

/** How REST APIs decode a binary answer. */
export interface RestBinary {
  readonly binaryTypes: MediaTypes
  /** The client's Accept field: its first type decides whether base64 is decoded. */
  readonly accept: string | undefined
}

const KEYS = new Set(['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded'])

/**
 * The answer of a function in payload format 1.0. Nothing but its five keys may be there; without `statusCode` it is 200.
 * @param payload JSON
 */
export function restAnswer(payload: Buffer, binary: RestBinary): HttpAnswer | MalformedAnswer {
  const value = objectOf(payload)
  if (value instanceof MalformedAnswer) return value
  const strange = Object.keys(value).find((key) => !KEYS.has(key))
  if (strange !== undefined) return new MalformedAnswer(`${JSON.stringify(strange)} is no key of an answer`)
  const { statusCode = 200, body, isBase64Encoded } = value
  const status = statusOf(statusCode)
  if (status === undefined) return new MalformedAnswer(`${JSON.stringify(statusCode)} is no status`)
  const headers = mergedFields(value['headers'], value['multiValueHeaders'])
  if (typeof headers === 'string') return new MalformedAnswer(headers)
  if (body !== undefined && body !== null && typeof body !== 'string') return new MalformedAnswer('body is no text')
  if (isBase64Encoded !== undefined && isBase64Encoded !== null && typeof isBase64Encoded !== 'boolean') {
    return new MalformedAnswer('isBase64Encoded is neither true nor false')
  }
  if (!hasField(headers, 'content-type')) headers.push(['Content-Type', 'application/json'])
  const decoded = isBase64Encoded === true && decodes(binary)
  return { status, headers, body: Buffer.from(body ?? '', decoded ? 'base64' : 'utf8') }
}

/** An object of JSON, or why the answer is none. */
export function objectOf(payload: Buffer): Record<string, unknown> | MalformedAnswer {
  let value: unknown
  try {
    value = JSON.parse(payload.toString())
  } catch {
    return new MalformedAnswer('the answer is no JSON')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  return new MalformedAnswer('the answer is no object')
}

/**
 * The fields of both objects: those with several values first. What stands in both counts once, in the case of `multiValueHeaders`. A text says
 * what is wrong.
 */
export function mergedFields(single: unknown, multiple: unknown): [string, string][] | string {
  const fields: [string, string][] = []
  const problem = addLists(fields, multiple)
  if (problem !== undefined) return problem
  const singles = fieldsOf(single)
  if (typeof singles === 'string') return singles
  const names = new Map(fields.map(([name]) => [name.toLowerCase(), name]))
  for (const [name, value] of singles) {
    const known = names.get(name.toLowerCase())
    if (known === undefined) fields.push([name, value])
    else if (!fields.some(([other, same]) => other === known && same === value)) fields.push([known, value])
  }
  return fields
}

function addLists(fields: [string, string][], multiple: unknown): string | undefined {
  if (multiple === undefined || multiple === null) return undefined
  if (typeof multiple !== 'object' || Array.isArray(multiple)) return 'multiValueHeaders is no object'
  for (const [name, values] of Object.entries(multiple)) {
    if (!Array.isArray(values)) return `multiValueHeaders.${name} is no list`
    for (const value of values as unknown[]) {
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
        return `a value of header ${name} is no text`
      }
      const problem = addField(fields, name, String(value))
      if (problem !== undefined) return problem
    }
  }
  return undefined
}

function decodes({ binaryTypes, accept }: RestBinary): boolean {
  return binaryTypes.all || (accept !== undefined && binaryTypes.has(accept.split(',', 1)[0]))
}

/** A value by its name in lower case. */
function valueOf(values: Readonly<Record<string, string>>, lower: string): string | undefined {
  for (const name of Object.keys(values)) {
    if (name.length === lower.length && name.toLowerCase() === lower) return values[name]
  }
  return undefined
}
