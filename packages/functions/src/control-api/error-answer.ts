import type { Headers } from '@sekisho/wire'
import type { HttpReply } from '../http/http-exchange.ts'
import type { ServiceError } from '../model/service-error.ts'
import { answerHeaders, JSON_TYPE } from './answer-headers.ts'

/** Shapes of the service model that call their text `Message`; all others, and errors that are in no model, `message`. */
const CAPITAL = new Set([
  'AccessDeniedException',
  'CodeSigningConfigNotFoundException',
  'CodeVerificationFailedException',
  'InvalidCodeSignatureException',
  'InvalidRuntimeException',
  'InvalidSecurityGroupIDException',
  'InvalidSubnetIDException',
  'InvalidZipFileException',
  'KMSAccessDeniedException',
  'RecursiveInvocationException',
  'ResourceInUseException',
  'ResourceNotFoundException',
  'ServiceException',
  'SnapStartException',
])

/** Errors of the front door, before a service looks at the request: they say nothing of a type. */
const WITHOUT_TYPE = new Set([
  'AccessDeniedException',
  'IncompleteSignatureException',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnknownOperationException',
  'UnrecognizedClientException',
  'ValidationException',
])

/** The body that AWS gives an error: `{"Type":"User","Message":"…"}`. */
export function errorBody({ code, status, message, members }: ServiceError): Record<string, string> {
  const body: Record<string, string> = {}
  if (members['Reason'] !== undefined) body['Reason'] = members['Reason']
  if (!WITHOUT_TYPE.has(code)) body['Type'] = status < 500 ? 'User' : 'Service'
  body[CAPITAL.has(code) ? 'Message' : 'message'] = message
  return { ...body, ...members }
}

/** Answers with an error. @param extra lines that go with it, those of CORS */
export function sendError(reply: HttpReply, error: ServiceError, requestId: string, extra?: Headers): void {
  const headers = answerHeaders(JSON_TYPE, requestId, extra)
  headers.append('x-amzn-ErrorType', error.code)
  if (error.status === 429) headers.appendUnchecked('Retry-After', '1')
  reply.send(error.status, headers, JSON.stringify(errorBody(error)))
}
