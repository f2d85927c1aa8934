import type { RuntimeFailure } from './runtime-api-listener.ts'

/** A failure that the platform words itself. */
export const platformFailure = (errorType: string, errorMessage: string): RuntimeFailure => ({
  type: errorType,
  body: Buffer.from(JSON.stringify({ errorMessage, errorType })),
})

export const TRUNCATED_RESPONSE = platformFailure(
  'Runtime.TruncatedResponse',
  'The connection broke before the runtime had sent the whole response',
)

export const INVALID_MODE = platformFailure(
  'Runtime.InvalidResponseModeHeader',
  'Lambda-Runtime-Function-Response-Mode is neither left out nor "streaming"',
)

export const responseTooLarge = (maxBytes: number): RuntimeFailure =>
  platformFailure(
    'Function.ResponseSizeTooLarge',
    `Response payload size exceeded maximum allowed payload size (${maxBytes} bytes).`,
  )
