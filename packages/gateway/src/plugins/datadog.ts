/**
 * Sends metrics of each request to a Datadog agent, or another server of DogStatsD, over UDP in batches.
 *
 * ```yaml
 * plugin_metadata:
 *   - { id: datadog, host: 127.0.0.1, port: 8125, namespace: gateway }
 * routes:
 *   - id: orders
 *     uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       datadog: { batch_max_size: 1 }
 * ```
 *
 * ```sh
 * # with: udp-sink at 127.0.0.1:8125
 * curl -i http://127.0.0.1:8080/orders/7   # 200
 * # udp-sink got: gateway.request.counter:1|c|#source:apisix,route_name:orders
 * ```
 *
 * | Metric | Type | Is |
 * | --- | --- | --- |
 * | `request.counter` | counter | 1 |
 * | `request.latency` | histogram | milliseconds from the first byte of the request to the last of its response |
 * | `upstream.latency` | histogram | those in the upstream, where there was one |
 * | `apisix.latency` | histogram | the rest; the name is APISIX's, so that boards stay |
 * | `ingress.size`, `egress.size` | timer | bytes received from and sent to the client |
 *
 * Tags are `route_name`, `service_name` (the id where there is no name, or with `prefer_name: false`), `consumer`, `balancer_ip`, `response_status`,
 * `response_status_class` and `scheme`, with `include_path` the `path` pattern of the route, with `include_method` the `method`, and `constant_tags`. What
 * would break the format (`,`, `|`, line feeds) is `_` in a value.
 *
 * A datagram has up to 1,432 bytes, one or two requests: it passes networks whole. Nobody says whether it arrived.
 *
 * No request waits: [http-logger](http-logger.md) says what happens when a batch cannot be sent. Costs about 1 µs a request.
 */
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { logQueue } from './logging/batch-logger.ts'
import { batchMetadata, batchOptions } from './logging/batch-options.ts'
import { rounded } from './logging/default-entry.ts'
import { hostHealth, noted, UdpSender } from './logging/net-sender.ts'

const Tags = (fallback: readonly string[], description: string) =>
  defaulted(
    Type.Array(
      Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: '^[\\p{L}][\\p{L}\\p{N}_.:/-]*(?<!:)$',
        patternErrorMessage: 'must be a tag: a letter, then letters, digits and "_.:/-", with no ":" at the end',
      }),
      { default: [...fallback], description },
    ),
  )

const schema = Type.Object(
  {
    prefer_name: defaulted(
      Type.Boolean({
        default: true,
        description: 'names of routes and services in tags, where they have one; else ids',
      }),
    ),
    include_path: defaulted(
      Type.Boolean({ default: false, description: "the tag `path`: the route's pattern that matched" }),
    ),
    include_method: defaulted(Type.Boolean({ default: false, description: 'the tag `method`' })),
    constant_tags: Tags([], 'tags of all metrics of this place, beside those in plugin_metadata'),
    ...batchOptions('datadog'),
  },
  { additionalProperties: false },
)

const metadataSchema = Type.Object(
  {
    host: defaulted(Type.String({ minLength: 1, default: '127.0.0.1', description: 'name or address of the agent' })),
    port: defaulted(Type.Integer({ minimum: 0, maximum: 65_535, default: 8_125, description: 'its port' })),
    namespace: defaulted(
      Type.String({ default: 'apisix', description: 'stands before the names of metrics, with a dot' }),
    ),
    constant_tags: Tags(['source:apisix'], 'tags of all metrics'),
    ...batchMetadata,
  },
  { additionalProperties: false },
)

type Config = Static<typeof schema>

/** What passes an Ethernet network in one frame with IPv6, as Datadog's own clients keep to. */
const MAX_BYTES = 1_432
const SEND_TIMEOUT_MS = 3_000

export default definePlugin({
  name: 'datadog',
  priority: 495,
  schema,
  metadataSchema,
  placeless: true,
  create(config, context) {
    const { host, port, namespace, constant_tags: tags } = context.metadata
    const sender = new UdpSender(host, port)
    const health = hostHealth('datadog', host, port, context)
    const queue = logQueue<string>('datadog', config, context, context.metadata, {
      send: (metrics) => noted(sender.send(datagrams(metrics), SEND_TIMEOUT_MS), health),
      close: () => sender.close(),
    })
    const prefix = namespace === '' ? '' : `${namespace}.`
    const constant = [...tags, ...config.constant_tags]
    return {
      log(session) {
        const metrics = metricsOf(session, prefix, tagsOf(session, config, constant))
        queue.push(metrics, metrics.length)
      },
      dispose: () => queue.dispose(),
    }
  },
})

/** The metrics of a request, a line each. */
function metricsOf(session: GatewaySession, prefix: string, tags: string): string {
  const latency = Math.max(0, session.finishedAt - session.startedAt)
  const upstream = session.sentAt === 0 ? undefined : Math.max(0, session.finishedAt - session.sentAt)
  const gateway = Math.max(0, latency - (upstream ?? 0))
  let lines = `${prefix}request.counter:1|c${tags}\n${prefix}request.latency:${rounded(latency)}|h${tags}\n`
  if (upstream !== undefined) lines += `${prefix}upstream.latency:${rounded(upstream)}|h${tags}\n`
  lines += `${prefix}apisix.latency:${rounded(gateway)}|h${tags}\n`
  return `${lines}${prefix}ingress.size:${session.bytesReceived}|ms${tags}\n${prefix}egress.size:${session.bytesSent}|ms${tags}`
}

function tagsOf(session: GatewaySession, config: Config, constant: readonly string[]): string {
  const { ctx, peer, response } = session
  const { plan, consumer } = ctx
  const tags = [...constant]
  const named = config.prefer_name
  const route = (named ? plan?.route.name : undefined) ?? plan?.route.id
  const service = (named ? plan?.service?.name : undefined) ?? plan?.service?.id
  if (route !== undefined && route !== '') tags.push(`route_name:${tagText(route)}`)
  if (service !== undefined) tags.push(`service_name:${tagText(service)}`)
  if (consumer !== undefined) tags.push(`consumer:${tagText(consumer.username)}`)
  if (peer !== undefined) tags.push(`balancer_ip:${tagText(peer.host)}`)
  if (response !== undefined)
    tags.push(`response_status:${response.status}`, `response_status_class:${Math.floor(response.status / 100)}xx`)
  tags.push(session.secure ? 'scheme:https' : 'scheme:http')
  if (config.include_path) tags.push(`path:${tagText(pathOf(session))}`)
  if (config.include_method) tags.push(`method:${tagText(session.request.method)}`)
  return `|#${tags.join()}`
}

/** The pattern, not the path: each path would be a series of its own. */
const pathOf = ({ ctx }: GatewaySession): string => ctx.plan?.route.uris[0] ?? ''

const BREAKING = /[,|#\s]/g
const tagText = (text: string): string => (BREAKING.test(text) ? text.replace(BREAKING, '_') : text)

/** Lines in datagrams, which are whole requests where these are not too large themselves. */
function datagrams(metrics: readonly string[]): string[] {
  const result: string[] = []
  let datagram = ''
  for (const line of metrics.flatMap((one) => (one.length > MAX_BYTES ? one.split('\n') : [one]))) {
    if (datagram !== '' && Buffer.byteLength(datagram) + Buffer.byteLength(line) + 1 > MAX_BYTES) {
      result.push(datagram)
      datagram = ''
    }
    datagram += datagram === '' ? line : `\n${line}`
  }
  if (datagram !== '') result.push(datagram)
  return result
}
