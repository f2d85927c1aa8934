import type { EventRequest } from './event-request.ts'
import { hasField, MalformedAnswer, statusOf, type HttpAnswer } from './http-answer.ts'
import { mediaTypeOf } from './media-types.ts'
import { headerValues, queryValues } from './multi-values.ts'
import { mergedFields, objectOf } from './rest-1.0.ts'

/** What an event of an application load balancer says besides the request itself. */
export interface AlbContext {
  readonly targetGroupArn: string
  /** Attribute `lambda.multi_value_headers.enabled`: all values of a name instead of the last. */
  readonly multiValue: boolean
}

/** The event of an Application Load Balancer. Names of headers are in lower case, the query is not decoded. */
export function albEvent(request: EventRequest, { targetGroupArn, multiValue }: AlbContext): object {
  const { method, path, query, body } = request
  const headers = headerValues(request.headers, true)
  const members = queryValues(query, false)
  const base64 = body.length > 0 && !isText(headers.last)
  return {
    requestContext: { elb: { targetGroupArn } },
    httpMethod: method,
    path,
    ...(multiValue
      ? { multiValueQueryStringParameters: members.all, multiValueHeaders: headers.all }
      : { queryStringParameters: members.last, headers: headers.last }),
    body: body.toString(base64 ? 'base64' : 'utf8'),
    isBase64Encoded: base64,
  }
}

/** With a reason phrase, where the function gave one. */
export interface AlbAnswer extends HttpAnswer {
  readonly reason: string | undefined
}

/** The answer of a function behind a load balancer; both kinds of headers are taken. @param payload JSON */
export function albAnswer(payload: Buffer): AlbAnswer | MalformedAnswer {
  const value = objectOf(payload)
  if (value instanceof MalformedAnswer) return value
  const { statusCode, statusDescription, body, isBase64Encoded } = value
  const status = statusOf(statusCode)
  if (status === undefined) return new MalformedAnswer(`${JSON.stringify(statusCode) ?? 'undefined'} is no status`)
  const headers = mergedFields(value['headers'], value['multiValueHeaders'])
  if (typeof headers === 'string') return new MalformedAnswer(headers)
  if (body !== undefined && body !== null && typeof body !== 'string') return new MalformedAnswer('body is no text')
  const reason = reasonOf(statusDescription)
  if (reason === null) return new MalformedAnswer('statusDescription is no text for a status line')
  if (!hasField(headers, 'content-type')) headers.push(['Content-Type', 'application/octet-stream'])
  return { status, headers, body: Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8'), reason }
}

/** `200 OK` to `OK`; null: it is no description. */
function reasonOf(description: unknown): string | undefined | null {
  if (description === undefined || description === null) return undefined
  if (typeof description !== 'string' || !/^[\t -~]*$/.test(description)) return null
  return description.replace(/^\d{3} ?/, '').trim()
}

const TEXT_TYPES = new Set(['application/json', 'application/javascript', 'application/xml'])

/** A body that is compressed is binary, whatever it is of. */
function isText(headers: Readonly<Record<string, string>>): boolean {
  if (Object.hasOwn(headers, 'content-encoding')) return false
  const type = mediaTypeOf(headers['content-type'] ?? '')
  return type.startsWith('text/') || TEXT_TYPES.has(type)
}
