import { AttributeKey } from './otlp-attributes.ts'
import { ProtobufWriter, varintLength } from './protobuf-writer.ts'

// Fields of `ExportTraceServiceRequest`, `ResourceSpans` and `ScopeSpans`.
const RESOURCE_SPANS = 0x0a
const RESOURCE = 0x0a
const RESOURCE_ATTRIBUTES = 0x0a
const SCOPE_SPANS = 0x12
const SCOPE = 0x0a
const SCOPE_NAME = 0x0a
const SCOPE_VERSION = 0x12

/** `ResourceSpans` up to its `scope_spans`: what all spans of a configuration have in common. */
export function resourceHead(attributes: Readonly<Record<string, string | number | boolean>>): Buffer {
  const inner = new ProtobufWriter(1_024)
  for (const [name, value] of Object.entries(attributes)) new AttributeKey(name).write(inner, RESOURCE_ATTRIBUTES, value)
  const head = new ProtobufWriter(1_024)
  head.byte(RESOURCE)
  head.varint(inner.length)
  head.raw(inner.take())
  return head.take()
}

/** Field `scope` of `ScopeSpans`. */
export function scopeHead(name: string, version: string): Buffer {
  const inner = new ProtobufWriter(256)
  inner.byte(SCOPE_NAME)
  inner.text(name)
  inner.byte(SCOPE_VERSION)
  inner.text(version)
  const head = new ProtobufWriter(256)
  head.byte(SCOPE)
  head.varint(inner.length)
  head.raw(inner.take())
  return head.take()
}

/** `ExportTraceServiceRequest` with one resource and one scope. */
export function exportRequest(resource: Buffer, scope: Buffer, spans: readonly Buffer[]): Buffer {
  let spansLength = scope.length
  for (const span of spans) spansLength += span.length
  const inResource = resource.length + 1 + varintLength(spansLength) + spansLength
  const head = new ProtobufWriter(64)
  head.byte(RESOURCE_SPANS)
  head.varint(inResource)
  head.raw(resource)
  head.byte(SCOPE_SPANS)
  head.varint(spansLength)
  head.raw(scope)
  return Buffer.concat([head.take(), ...spans])
}
