import { Headers } from '@sekisho/wire'
import { errorType } from './error-type.ts'
import type { RuntimeFailure } from './runtime-api-listener.ts'

const TYPE = 'Lambda-Runtime-Function-Error-Type'
const BODY = 'Lambda-Runtime-Function-Error-Body'

/** The error that the trailers of a streamed response tell: a type, and the base64 of the JSON. undefined: it went well. */
export function failureOfTrailers(trailers: string): RuntimeFailure | undefined {
  if (trailers === '') return undefined
  const fields = new Headers(trailers)
  const type = fields.get(TYPE)
  return type === undefined || type === '' ? undefined : failure(type, fields.get(BODY) ?? '')
}

/** So many bytes of the name must be there for a piece of a body to be taken for an error's beginning. */
const MIN_START = 16
const START = Buffer.from(`${TYPE}: `)
const FIRST_BYTE = START[0]
const WHOLE = new RegExp(`^${TYPE}: ([^\\r\\n]+)\\r\\n${BODY}: ([A-Za-z0-9+/]*={0,2})\\r\\n(?:\\r\\n)?$`)

/**
 * Whether a piece of a streamed body may be an error written as text. The Rust client (`lambda_runtime` up to 1.x, `to_tailer`) does not send real
 * trailers: it writes the two lines as the last chunk of the body. What begins so is held back until it is known whether it is the end.
 */
export function mayBeErrorText(piece: Uint8Array): boolean {
  if (piece[0] !== FIRST_BYTE || piece.length < MIN_START) return false
  const length = Math.min(piece.length, START.length)
  return START.compare(piece, 0, length, 0, length) === 0
}

/** The error that the last piece of a body tells, if it is nothing but these two lines. */
export function failureOfText(piece: Uint8Array): RuntimeFailure | undefined {
  const found = WHOLE.exec(Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('latin1'))
  return found === null ? undefined : failure(found[1]!, found[2]!)
}

const failure = (type: string, body: string): RuntimeFailure => ({
  type: errorType(type),
  body: Buffer.from(body, 'base64'),
})
