import type { PayloadFormat } from '@sekisho/functions/events'
import type { GatewaySession } from '../../session.ts'

/** Why a request may not go on. */
export type AuthorizerRefusal = 'unauthorized' | 'denied' | 'explicit-deny' | 'failed'

interface Answer {
  readonly status: number
  readonly body: object
  readonly type?: string
}

const NOT_AUTHORIZED = 'User is not authorized to access this resource'

const REST: Readonly<Record<AuthorizerRefusal, Answer>> = {
  unauthorized: { status: 401, body: { message: 'Unauthorized' }, type: 'UnauthorizedException' },
  denied: { status: 403, body: { Message: NOT_AUTHORIZED }, type: 'AccessDeniedException' },
  'explicit-deny': {
    status: 403,
    body: { Message: `${NOT_AUTHORIZED} with an explicit deny` },
    type: 'AccessDeniedException',
  },
  failed: { status: 500, body: { message: null }, type: 'AuthorizerConfigurationException' },
}

const HTTP: Readonly<Record<AuthorizerRefusal, Answer>> = {
  unauthorized: { status: 401, body: { message: 'Unauthorized' } },
  denied: { status: 403, body: { message: 'Forbidden' } },
  'explicit-deny': { status: 403, body: { message: 'Forbidden' } },
  failed: { status: 500, body: { message: 'Internal Server Error' } },
}

/** Answers as API Gateway does. */
export function refuse(session: GatewaySession, format: PayloadFormat, refusal: AuthorizerRefusal): void {
  const { status, body, type } = (format === 'rest-1.0' ? REST : HTTP)[refusal]
  session.respond(status, JSON.stringify(body), {
    'Content-Type': 'application/json',
    ...(type === undefined ? {} : { 'x-amzn-ErrorType': type }),
  })
}
