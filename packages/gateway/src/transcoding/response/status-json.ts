import { type DescMessage, fromBinary, type JsonObject, type JsonValue, type Message, toJson } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import { wellKnownRegistry } from '../descriptors/registry.ts'
import type { JsonStyle } from './json-style.ts'
import { messageToJson } from './message-to-json.ts'

/** How a call ended. */
export interface CallStatus {
  readonly code: number
  readonly message: string
  /** The value of `grpc-status-details-bin`; undefined when there is none. */
  readonly details: string | undefined
}

const Status = wellKnownRegistry().getMessage('google.rpc.Status')!

interface StatusMessage extends Message {
  readonly details: readonly Any[]
}

/** google.rpc.Status as canonical JSON. Details of types that nobody knows keep their bytes, as base64. */
export function statusJson({ code, message, details }: CallStatus, style: JsonStyle): JsonObject {
  return { code, message, details: anys(details).map((any) => anyJson(any, style)) }
}

/**
 * The same as APISIX has it: what is in the details is decoded as `detailType`, without naming it; left out when there is none.
 */
export function statusJsonAsApisix(
  { code, message, details }: CallStatus,
  detailType: DescMessage | undefined,
  style: JsonStyle,
): JsonObject {
  const list = anys(details).map((any) =>
    detailType === undefined ? anyJson(any, style) : typedJson(any, detailType, style),
  )
  return { error: { code, message, ...(list.length === 0 ? {} : { details: list }) } }
}

/** `-bin` fields are base64, with or without padding (gRPC over HTTP/2). Nothing in them is worth failing for. */
function anys(details: string | undefined): readonly Any[] {
  if (details === undefined) return []
  try {
    return (fromBinary(Status, Buffer.from(details, 'base64')) as StatusMessage).details
  } catch {
    return []
  }
}

function anyJson(any: Any, { registry }: JsonStyle): JsonValue {
  try {
    return toJson(AnySchema, any, { registry })
  } catch {
    return { '@type': any.typeUrl, value: Buffer.from(any.value).toString('base64') }
  }
}

function typedJson(any: Any, desc: DescMessage, style: JsonStyle): JsonValue {
  try {
    return messageToJson(desc, fromBinary(desc, any.value), style)
  } catch {
    return anyJson(any, style)
  }
}
