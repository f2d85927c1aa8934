import { logTime, type EventRequest } from './event-request.ts'
import { headerValues, orNull, queryValues } from './multi-values.ts'

/** One connection of a WebSocket API. */
export interface WebSocketConnection {
  readonly connectionId: string
  /** Milliseconds since 1970. */
  readonly connectedAt: number
  readonly apiId: string
  readonly stage: string
  readonly domainName: string
  readonly sourceIp: string
  readonly userAgent: string
  /** What the authorizer said when it connected. */
  readonly authorizer: object | undefined
}

/** What differs from event to event. */
export interface WebSocketMoment {
  /** `$connect`, `$default`, `$disconnect`, or a key of a message. */
  readonly routeKey: string
  readonly requestId: string
  readonly extendedRequestId: string
  readonly timeMs: number
}

/** A client wants to connect. */
export function webSocketConnectEvent(
  request: EventRequest,
  connection: WebSocketConnection,
  moment: WebSocketMoment,
): object {
  const headers = headerValues(request.headers, false)
  const members = queryValues(request.query, true)
  const query = orNull(members.last)
  return {
    headers: headers.last,
    multiValueHeaders: headers.all,
    ...(query === null ? {} : { queryStringParameters: query, multiValueQueryStringParameters: members.all }),
    requestContext: contextOf(connection, moment, 'CONNECT', {}),
    isBase64Encoded: false,
  }
}

/** A client sent a message. */
export const webSocketMessageEvent = (
  connection: WebSocketConnection,
  moment: WebSocketMoment & { readonly messageId: string },
  body: string,
  isBase64Encoded: boolean,
): object => ({
  requestContext: contextOf(connection, moment, 'MESSAGE', { messageId: moment.messageId }),
  body,
  isBase64Encoded,
})

/** A connection has ended. @param statusCode of the close frame */
export const webSocketDisconnectEvent = (
  connection: WebSocketConnection,
  moment: WebSocketMoment,
  statusCode: number,
  reason: string,
): object => ({
  headers: { Host: connection.domainName, 'x-api-key': '', 'X-Forwarded-For': '', 'x-restapi': '' },
  multiValueHeaders: {
    Host: [connection.domainName],
    'x-api-key': [''],
    'X-Forwarded-For': [''],
    'x-restapi': [''],
  },
  requestContext: contextOf(connection, moment, 'DISCONNECT', {
    disconnectStatusCode: statusCode,
    disconnectReason: reason,
  }),
  isBase64Encoded: false,
})

function contextOf(
  { authorizer, sourceIp, userAgent, ...connection }: WebSocketConnection,
  { routeKey, requestId, extendedRequestId, timeMs }: WebSocketMoment,
  eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT',
  more: object,
): object {
  return {
    routeKey,
    ...(authorizer === undefined ? {} : { authorizer }),
    ...more,
    eventType,
    extendedRequestId,
    requestTime: logTime(timeMs),
    messageDirection: 'IN',
    ...connection,
    requestTimeEpoch: timeMs,
    identity: { userAgent, sourceIp },
    requestId,
  }
}
