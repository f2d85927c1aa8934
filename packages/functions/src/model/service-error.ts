/**
 * A refusal as the control API words it: AWS's error code, the status it goes with and a message. Thrown by whatever a call asks for; the
 * control API turns it into `x-amzn-ErrorType` and a body.
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  /** `ResourceNotFoundException` */
  readonly code: string
  /** Of the HTTP answer. */
  readonly status: number
  /** `Reason` of TooManyRequestsException; other members of the shape. */
  readonly members: Readonly<Record<string, string>>

  constructor(code: string, status: number, message: string, members: Readonly<Record<string, string>> = {}) {
    super(message)
    this.code = code
    this.status = status
    this.members = members
  }
}

export const notFound = (message: string): ServiceError => new ServiceError('ResourceNotFoundException', 404, message)
export const invalidParameter = (message: string): ServiceError =>
  new ServiceError('InvalidParameterValueException', 400, message)
export const conflict = (message: string): ServiceError => new ServiceError('ResourceConflictException', 409, message)
/** @param reason `ReservedFunctionConcurrentInvocationLimitExceeded`, `ConcurrentInvocationLimitExceeded`, … */
export const throttled = (reason: string): ServiceError =>
  new ServiceError('TooManyRequestsException', 429, 'Rate Exceeded.', { Reason: reason })
