import { fromBinary, type Message } from '@bufbuild/protobuf'
import { type GrpcFailure, GrpcStatus } from '../../grpc/status.ts'
import type { Binding } from '../http-rules/binding.ts'
import { isHttpBody } from '../request/request-body.ts'
import type { JsonStyle } from './json-style.ts'
import { fieldToJson, messageToJson } from './message-to-json.ts'

/** A message as the body of a response, or a part of it. */
export interface WrittenMessage {
  readonly contentType: string
  readonly bytes: Buffer
}

interface HttpBodyMessage extends Message {
  readonly contentType: string
  readonly data: Uint8Array
}

/** Writes one response message of a method. */
export function writeMessage(binding: Binding, bytes: Uint8Array, style: JsonStyle): WrittenMessage | GrpcFailure {
  const { method, responseBody } = binding
  const { output } = method
  try {
    const message = fromBinary(output, bytes)
    const raw = rawBody(binding, message)
    if (raw !== undefined)
      return { contentType: raw.contentType || 'application/octet-stream', bytes: Buffer.from(raw.data) }
    const json =
      responseBody === undefined
        ? messageToJson(output, message, style)
        : fieldToJson(output, message, responseBody, style)
    return { contentType: 'application/json', bytes: Buffer.from(JSON.stringify(json)) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { status: GrpcStatus.INTERNAL, message: `the response cannot be written as JSON: ${reason}` }
  }
}

function rawBody({ method, responseBody }: Binding, message: Message): HttpBodyMessage | undefined {
  if (responseBody === undefined) return isHttpBody(method.output) ? (message as HttpBodyMessage) : undefined
  if (!isHttpBody(responseBody.message)) return undefined
  return (message as unknown as Record<string, HttpBodyMessage | undefined>)[responseBody.localName]
}
