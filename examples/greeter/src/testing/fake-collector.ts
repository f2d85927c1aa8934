import { type HttpServer, listenHttp } from '../http/listen.ts'

/** A span as OTLP has it in JSON, as far as the tests look at it. */
export interface ExportedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly status: { readonly code?: number; readonly message?: string }
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[]
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: ExportedSpan['attributes'] }
    readonly scopeSpans: readonly { readonly spans: readonly ExportedSpan[] }[]
  }[]
}

/** Takes what an OTLP exporter sends. */
export interface FakeCollector {
  readonly endpoint: string
  readonly paths: readonly string[]
  readonly spans: readonly ExportedSpan[]
  readonly serviceNames: readonly (string | undefined)[]
  close(): Promise<void>
}

export async function startFakeCollector(): Promise<FakeCollector> {
  const paths: string[] = []
  const spans: ExportedSpan[] = []
  const serviceNames: (string | undefined)[] = []
  const server: HttpServer = await listenHttp('127.0.0.1', 0, (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      paths.push(request.url ?? '')
      for (const { resource, scopeSpans } of (JSON.parse(body) as ExportRequest).resourceSpans) {
        serviceNames.push(resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue)
        for (const scope of scopeSpans) spans.push(...scope.spans)
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  return { endpoint: `http://127.0.0.1:${server.port}`, paths, spans, serviceNames, close: () => server.close() }
}
