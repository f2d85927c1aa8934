import { AttributeKey, RESOURCE_ATTRIBUTES } from './otlp-attributes.ts'
import { bytesOf, sized, utf8, varint } from './protobuf-text.ts'

// Fields of `ExportTraceServiceRequest`, `ResourceSpans`, `ScopeSpans` and `InstrumentationScope`.
const RESOURCE_SPANS = '\x0a'
const RESOURCE = '\x0a'
const SCOPE_SPANS = '\x12'
const SCOPE = '\x0a'
const SCOPE_NAME = '\x0a'
const SCOPE_VERSION = '\x12'

/** Field `resource` of `ResourceSpans`: what all spans of a configuration have in common. */
export function resourceField(attributes: Readonly<Record<string, string | number | boolean>>): Buffer {
  const fields = Object.entries(attributes).map(([name, value]) =>
    new AttributeKey(name, RESOURCE_ATTRIBUTES).with(value),
  )
  return bytesOf(RESOURCE + sized(fields.join('')))
}

/** Field `scope` of `ScopeSpans`. */
export const scopeField = (name: string, version: string): Buffer =>
  bytesOf(SCOPE + sized(SCOPE_NAME + sized(utf8(name)) + SCOPE_VERSION + sized(utf8(version))))

/** `ExportTraceServiceRequest` with one resource and one scope. */
export function exportRequest(resource: Buffer, scope: Buffer, spans: readonly Buffer[]): Buffer {
  let inScope = scope.length
  for (const span of spans) inScope += span.length
  const scopeHead = bytesOf(SCOPE_SPANS + varint(inScope))
  const inResource = resource.length + scopeHead.length + inScope
  return Buffer.concat([bytesOf(RESOURCE_SPANS + varint(inResource)), resource, scopeHead, scope, ...spans])
}
