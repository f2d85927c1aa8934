import type { EventRequest } from './event-request.ts'
import { http2Event } from './http-2.0.ts'

export interface FunctionUrlContext {
  /** Of the caller; `anonymous` when it needed no signature. */
  readonly accountId: string
  /** 32 characters. */
  readonly urlId: string
  readonly requestId: string
  readonly timeMs: number
  /** Access key id of the caller; undefined: it needed no signature. */
  readonly accessKey: string | undefined
}

/** The event of a function URL: payload 2.0 with the route `$default`. Its answer is `http2Answer`. */
export function functionUrlEvent(request: EventRequest, context: FunctionUrlContext): object {
  const { accountId, urlId, requestId, timeMs, accessKey } = context
  const userArn = `arn:aws:iam::${accountId}:root`
  return http2Event(request, {
    accountId,
    apiId: urlId,
    domainPrefix: urlId,
    requestId,
    routeKey: '$default',
    stage: '$default',
    timeMs,
    authorizer:
      accessKey === undefined
        ? undefined
        : {
            iam: {
              accessKey,
              accountId,
              callerId: accountId,
              cognitoIdentity: null,
              principalOrgId: null,
              userArn,
              userId: accountId,
            },
          },
  })
}
