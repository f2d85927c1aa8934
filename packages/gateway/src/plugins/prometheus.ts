/**
 * Counts the requests of a route: responses by status, latency, bytes.
 *
 * ```yaml
 * metrics: { address: 127.0.0.1:9091 }              # where Prometheus reads: GET /metrics
 * global_rules:
 *   - { id: metrics, plugins: { prometheus: { prefer_name: true } } }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/             # 404: there is no route, and that is counted
 * curl http://127.0.0.1:9091/metrics         # 200, body: sekisho_http_status{code="404",route=""
 * ```
 *
 * What is counted, each by route, service, consumer and upstream node:
 *
 * - `sekisho_http_status`: responses, also by status code and by the first pattern of path and host of the route;
 * - `sekisho_http_latency`: a histogram in milliseconds of the whole request, of the upstream's part, and of the rest;
 * - `sekisho_grpc_status`: gRPC calls by status, where there are any;
 * - `sekisho_bandwidth`: bytes from and to clients.
 *
 * Labels are empty where there is nothing: no consumer, no upstream asked, no route matched (counted by a global rule
 * alone). Status 0 is a client that left before it was answered. In a global rule it is skipped for routes that have it
 * themselves.
 *
 * Where no address for metrics is set, or the scraper comes by the gateway, a route with
 * [public-api](public-api.md) leads to the same text under `/apisix/prometheus/metrics`. It is answered 503 when the
 * control thread, which adds up what the workers count, says nothing for five seconds.
 *
 * Costs about 0.1 µs for a request: a few additions in memory that the control thread reads when Prometheus asks. Each
 * combination of labels takes about 2 KB in each worker, up to the limits of the metrics.
 */
import { Type } from '../schema/type.ts'
import { RouteMetrics } from '../observability/metrics/index.ts'
import { TEXT_FORMAT_TYPE } from '../observability/metrics/text-format.ts'
import type { Plan } from '../plan/plan.ts'
import type { NormalRoute, NormalService } from '../resources/index.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    prefer_name: defaulted(
      Type.Boolean({
        default: false,
        description:
          'true: the labels "route" and "service" hold their names, where they have one, instead of their ids',
      }),
    ),
  },
  { additionalProperties: false },
)

const metadataSchema = Type.Object(
  {
    disabled_labels: Type.Optional(
      Type.Record(Type.String(), Type.Array(Type.String()), {
        description:
          'of APISIX: labels that its metrics are to be without. Refused here but for empty lists: labels are dropped where Prometheus reads',
      }),
    ),
  },
  { additionalProperties: false },
)

/**
 * Routes of one place (a global rule or service has many) whose metrics are retired when they change. Beyond it they
 * are forgotten, and only the series of requests that end later than that change are made once too often.
 */
const MAX_ROUTES = 10_000

interface Counted {
  readonly service: NormalService | undefined
  readonly metrics: RouteMetrics
}

export default definePlugin({
  name: 'prometheus',
  priority: 500,
  runPolicy: 'prefer_route',
  schema,
  metadataSchema,
  checkMetadata({ disabled_labels: disabled = {} }) {
    const [metric] = Object.entries(disabled).find(([, labels]) => labels.length > 0) ?? []
    if (metric === undefined) return undefined
    const message =
      'metrics have all their labels here; drop them where Prometheus reads, by "metric_relabel_configs" with "action: labeldrop"'
    return { path: `/disabled_labels/${metric}`, message }
  },
  apis: [
    {
      uri: '/apisix/prometheus/metrics',
      methods: ['GET'],
      create({ renderMetrics, logger }) {
        return async (session) => {
          try {
            session.respond(200, await renderMetrics(), {
              'Content-Type': TEXT_FORMAT_TYPE,
              'Cache-Control': 'no-store',
            })
          } catch (err) {
            logger.error({ err }, 'the metrics could not be had')
            session.respond(503, { message: 'the metrics cannot be had' })
          }
        }
      },
    },
  ],
  create({ prefer_name: preferName }, { metrics }) {
    // A changed route is a new object; requests in flight still come with the old one.
    const byRoute = new WeakMap<NormalRoute, Counted>()
    const current = new Map<string, RouteMetrics>()
    // Most often the place is one route, and this saves the look-up.
    let lastPlan: Plan | undefined
    let lastMetrics: RouteMetrics | undefined

    function metricsOf({ route, service }: Plan): RouteMetrics {
      const known = byRoute.get(route)
      if (known !== undefined && known.service === service) return known.metrics
      const made = new RouteMetrics(metrics, labelsOf(route, service, preferName))
      byRoute.set(route, { service, metrics: made })
      current.get(route.id)?.retire()
      if (current.size >= MAX_ROUTES) current.clear()
      current.set(route.id, made)
      return made
    }

    return {
      log(session) {
        const { plan, consumer } = session.ctx
        if (plan === undefined) return
        if (lastMetrics === undefined || lastPlan !== plan) {
          lastMetrics = metricsOf(plan)
          lastPlan = plan
        }
        const { peer, sentAt, finishedAt } = session
        // The name of a node out of a balancer is a string already; that of another peer is made when it is asked for.
        const node = peer === undefined ? '' : (peer.backend?.address ?? peer.name)
        const counted = lastMetrics.for(consumer === undefined ? '' : consumer.username, node)
        if (counted === undefined) return
        counted.record(
          session.response?.status ?? 0,
          finishedAt - session.startedAt,
          sentAt === 0 ? -1 : finishedAt - sentAt,
          session.bytesReceived,
          session.bytesSent,
        )
        const { grpcStatus } = session
        if (grpcStatus !== undefined) counted.recordGrpc(grpcStatus)
      },
      dispose() {
        for (const counted of current.values()) counted.retire()
      },
    }
  },
})

function labelsOf(route: NormalRoute, service: NormalService | undefined, preferName: boolean) {
  const name = (named: NormalRoute | NormalService | undefined): string =>
    named === undefined ? '' : ((preferName ? named.name : undefined) ?? named.id)
  const matched = route.id !== ''
  return {
    route: name(route),
    service: name(service),
    matchedUri: (matched ? route.uris[0] : undefined) ?? '',
    matchedHost: route.hosts[0] ?? (matched ? service?.hosts[0] : undefined) ?? '',
  }
}
