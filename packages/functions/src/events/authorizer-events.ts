import type { EventRequest } from './event-request.ts'
import { http2Event, type Http2Context } from './http-2.0.ts'
import { restEvent, type RestContext } from './rest-1.0.ts'

/** The event of a TOKEN authorizer of a REST API. */
export const tokenAuthorizerEvent = (authorizationToken: string, methodArn: string): object => ({
  type: 'TOKEN',
  methodArn,
  authorizationToken,
})

/** The event of a REQUEST authorizer with payload 1.0: the request without its body. */
export function requestAuthorizerEvent(request: EventRequest, context: RestContext, methodArn: string): object {
  const {
    body: _body,
    isBase64Encoded: _encoded,
    ...event
  } = restEvent(withoutBody(request), context) as {
    body: unknown
    isBase64Encoded: unknown
  }
  return { type: 'REQUEST', methodArn, ...event }
}

/** The event of an authorizer of an HTTP API with payload 2.0. */
export function http2AuthorizerEvent(
  request: EventRequest,
  context: Http2Context,
  routeArn: string,
  identitySource: readonly string[],
): object {
  const { isBase64Encoded: _encoded, ...event } = http2Event(withoutBody(request), context) as {
    isBase64Encoded: unknown
  }
  return { version: '2.0', type: 'REQUEST', routeArn, identitySource, ...event }
}

const NOTHING = Buffer.alloc(0)
const withoutBody = (request: EventRequest): EventRequest => ({ ...request, body: NOTHING })
