import type { HelloRequest } from './greeter.ts'

export type MethodName = 'SayHello' | 'SayHelloStreamReply'

export interface CallEnd {
  /** A gRPC status, 0 to 16. */
  readonly code: number
  readonly message: string
}

export interface CallEvents {
  reply(message: string): void
  /** Once, and last. */
  ended(end: CallEnd): void
}

/** Calls a method through the gateway at `origin`, by one of the libraries. Returns what cancels it. */
export type Call = (origin: string, method: MethodName, request: HelloRequest, events: CallEvents) => () => void

/** The names of gRPC's statuses, by number. */
export const STATUS_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const
