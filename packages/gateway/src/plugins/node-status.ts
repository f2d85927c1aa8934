/**
 * Tells how many requests the node has had and how many connections are open, at `/apisix/status`, through a route with
 * [public-api](public-api.md).
 *
 * ```yaml
 * routes:
 *   - uri: /apisix/status
 *     plugins:
 *       ip-restriction: { whitelist: [127.0.0.1] }
 *       public-api: {}
 * global_rules:
 *   - { id: all, plugins: { node-status: {} } }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/apisix/status      # 200, body: "total":"
 * ```
 *
 * The answer is `{"id":"HOSTNAME","status":{"active":"12","total":"4711"}}`: client connections that are open, and requests since the start of the node, of all its
 * workers. Numbers are text, as in APISIX; what APISIX has of nginx beyond them (`reading`, `writing`, `waiting`, `accepted`, `handled`), nobody counts here.
 *
 * The plugin has no options, and does nothing where it stands: naming it is allowed, as in APISIX, and not needed. There is more in the
 * [metrics](../observability.md).
 */
import { hostname } from 'node:os'
import { Type } from '../schema/type.ts'
import { definePlugin } from './definition.ts'

export default definePlugin({
  name: 'node-status',
  priority: 1000,
  placeless: true,
  schema: Type.Object({}, { additionalProperties: false }),
  apis: [
    {
      uri: '/apisix/status',
      methods: ['GET'],
      create: ({ renderMetrics }) => {
        return async (session) => {
          const text = await renderMetrics()
          const total = valueOf(text, 'sekisho_http_requests_total')
          const active = valueOf(text, 'sekisho_connections{state="open"}')
          session.respond(200, { id: hostname(), status: { active, total } }, { 'Cache-Control': 'no-store' })
        }
      },
    },
  ],
  create: () => ({}),
})

/** The value of a series in the text format of Prometheus. */
function valueOf(text: string, series: string): string {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? '0' : line.slice(series.length + 1)
}
