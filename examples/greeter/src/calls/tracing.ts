import type { Metadata } from '@grpc/grpc-js'
import type { TextMapGetter } from '@opentelemetry/api'
import type { CallObserver } from './observe.ts'

/** A span for each call, exported by OTLP over HTTP. */
export interface Tracing {
  readonly observe: CallObserver
  /** Sends what is left. */
  stop(): Promise<void>
}

/** What the endpoint may take for the last spans at the end. */
const EXPORT_TIMEOUT_MS = 3_000

/**
 * Loads OpenTelemetry, which costs some 20 MB, for those who have a collector. `endpoint` is its base URL, as in
 * OTEL_EXPORTER_OTLP_ENDPOINT; the exporter reads the other OTEL_ variables itself.
 */
export async function startTracing(endpoint: string): Promise<Tracing> {
  const { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = await import('@opentelemetry/api')
  const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node')
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http')
  const { detectResources, envDetector, resourceFromAttributes } = await import('@opentelemetry/resources')

  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  })
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'greeter' }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  // W3C Trace Context, and contexts that follow promises: a span that a method makes is a child of its call's.
  provider.register()
  const tracer = provider.getTracer('@sekisho/greeter')

  return {
    observe({ service, method, peer, metadata }) {
      const parent = propagation.extract(ROOT_CONTEXT, metadata, fromMetadata)
      const attributes = { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': method, 'client.address': peer }
      const span = tracer.startSpan(`${service}/${method}`, { kind: SpanKind.SERVER, attributes }, parent)
      return {
        run: (handle) => context.with(trace.setSpan(parent, span), handle),
        ended({ code, details }) {
          span.setAttribute('rpc.response.status_code', code)
          if (SERVER_FAULTS.has(code)) span.setStatus({ code: SpanStatusCode.ERROR, message: details })
          span.end()
        },
      }
    },
    async stop() {
      try {
        await provider.shutdown()
      } finally {
        trace.disable()
        context.disable()
        propagation.disable()
      }
    },
  }
}

/** For which the span of a server is an error, as OpenTelemetry's conventions for gRPC have it. */
const SERVER_FAULTS = new Set(['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'])

const fromMetadata: TextMapGetter<Metadata> = {
  keys: (metadata) => Object.keys(metadata.getMap()),
  get: (metadata, key) => metadata.get(key).filter((value) => typeof value === 'string'),
}
