import { parse, type Type } from 'protobufjs'

/** The messages of OTLP that collectors of traces know (opentelemetry-proto 1.7), written down once more, so that nothing of ours judges itself. */
const SOURCE = `
syntax = "proto3";
package otlp;

message AnyValue {
  oneof value {
    string string_value = 1;
    bool bool_value = 2;
    int64 int_value = 3;
    double double_value = 4;
    bytes bytes_value = 7;
  }
}
message KeyValue { string key = 1; AnyValue value = 2; }
message InstrumentationScope { string name = 1; string version = 2; repeated KeyValue attributes = 3; }
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
message Status { string message = 2; int32 code = 3; }
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Span {
  bytes trace_id = 1;
  bytes span_id = 2;
  string trace_state = 3;
  bytes parent_span_id = 4;
  string name = 5;
  int32 kind = 6;
  fixed64 start_time_unix_nano = 7;
  fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9;
  uint32 dropped_attributes_count = 10;
  repeated Event events = 11;
  Status status = 15;
  fixed32 flags = 16;
}
message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; string schema_url = 3; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ExportTracePartialSuccess { int64 rejected_spans = 1; string error_message = 2; }
message ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1; }
`

const { root } = parse(SOURCE)
const ExportRequest: Type = root.lookupType('otlp.ExportTraceServiceRequest')
const ExportResponse: Type = root.lookupType('otlp.ExportTraceServiceResponse')

type Attributes = Record<string, string | number | boolean>

/** A span as a collector understood it. */
export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly traceState: string
  readonly name: string
  readonly kind: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly flags: number
  /** Of its status; 2 is an error. */
  readonly code: number
  readonly attributes: Attributes
  readonly resource: Attributes
}

interface RawAttribute {
  readonly key: string
  readonly value: Record<string, string | number | boolean>
}

const attributesOf = (list: readonly RawAttribute[] = []): Attributes =>
  Object.fromEntries(
    list.map(({ key, value }) => {
      const [[kind, is]] = Object.entries(value)
      return [key, kind === 'intValue' ? Number(is) : is]
    }),
  )

/** @throws Error for bytes that are no such message */
export function decodeExport(bytes: Uint8Array): CollectedSpan[] {
  const message = ExportRequest.decode(bytes)
  const plain = ExportRequest.toObject(message, { longs: String, bytes: String, oneofs: false }) as {
    resourceSpans: {
      resource: { attributes: RawAttribute[] }
      scopeSpans: { spans: Record<string, never>[] }[]
    }[]
  }
  // Nothing is there that the messages do not know: a decoder skips it, so what was understood is written again.
  if (ExportRequest.encode(message).finish().length !== bytes.length) throw new Error('the message has unknown fields')
  return plain.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: hex(span['traceId']),
        spanId: hex(span['spanId']),
        parentSpanId: hex(span['parentSpanId']),
        traceState: span['traceState'] ?? '',
        name: span['name'],
        kind: span['kind'],
        startNs: BigInt(span['startTimeUnixNano']),
        endNs: BigInt(span['endTimeUnixNano']),
        flags: span['flags'],
        code: (span['status'] as { code?: number } | undefined)?.code ?? 0,
        attributes: attributesOf(span['attributes']),
        resource: attributesOf(resource.attributes),
      })),
    ),
  )
}

const hex = (base64: string | undefined): string => Buffer.from(base64 ?? '', 'base64').toString('hex')

export const exportResponse = (rejectedSpans = 0): Buffer =>
  Buffer.from(
    ExportResponse.encode(
      rejectedSpans === 0 ? {} : { partialSuccess: { rejectedSpans, errorMessage: 'too many' } },
    ).finish(),
  )
