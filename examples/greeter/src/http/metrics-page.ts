import type { RequestListener } from 'node:http'
import type { Registry } from 'prom-client'

/** `GET /metrics`, for Prometheus. */
export function metricsPage(registry: Registry): RequestListener {
  return (request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end('metrics are at /metrics\n')
      return
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  }
}
