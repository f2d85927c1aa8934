/**
 * Answers many requests with one: a client sends them as a list, and gets a list of responses, at `/apisix/batch-requests` through a route with
 * [public-api](public-api.md).
 *
 * ```yaml
 * routes:
 *   - uri: /apisix/batch-requests
 *     plugins: { public-api: {} }
 *   - { uri: /*, upstream_id: shop }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/apisix/batch-requests --json '{"pipeline":[{"path":"/status/404"}]}'       # 200, body: "status":404
 * curl -i http://127.0.0.1:8080/apisix/batch-requests --json '{"pipeline":[{"path":"/a","method":"POST","body":"x"}]}'   # 200, upstream: POST /a
 * curl -i http://127.0.0.1:8080/apisix/batch-requests --json '{"pipeline":[]}'                              # 400, body: pipeline
 * ```
 *
 * The body is JSON:
 *
 * | Field | Is |
 * | --- | --- |
 * | `query`, `headers` | objects: added to each request that does not have them |
 * | `timeout` | milliseconds for all of it, 30000 unless it is said |
 * | `pipeline` | list of requests: `path`, and if wanted `method` (`GET`), `query`, `headers`, `body` (text) |
 *
 * Each response in the list that comes back has `status`, `reason`, `headers` and `body`, in the order of the requests. One that had no answer in time is a 504, one that
 * is malformed a 400 with the reason.
 *
 * The requests run at the same time, fifty at most, through the whole gateway, as if the same client had sent each by itself: routes, authentication (fields of `headers`
 * count for all), limits, logs. The client's address is the one that the request with the list has: what an item says of it (`X-Forwarded-For`) is not believed. A
 * batch within a batch is refused. Requests that are not answered when the list is, or when the client leaves, are given up.
 *
 * Bounded by `max_body_size` and `max_pipeline_items` of the plugin's metadata; a response of more than 1 MB, and what comes when all have 16 MB
 * together, is a 502 in the list. `query` and `headers` may have 100 names each, and what is sent is as long as a head may be.
 *
 * Costs what the requests cost.
 */
import { Type } from '../schema/type.ts'
import { definePlugin } from './definition.ts'
import { MAX_TIMEOUT_MS, readBatch } from './batch-requests/batch.ts'
import { runBatch } from './batch-requests/run-batch.ts'

const metadataSchema = Type.Object(
  {
    max_body_size: Type.Optional(
      Type.Integer({ minimum: 1, default: 1_048_576, description: 'bytes of the list of requests' }),
    ),
    max_pipeline_items: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, default: 1_000, description: 'requests in a list' }),
    ),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'batch-requests',
  priority: 4010,
  placeless: true,
  schema: Type.Object({}, { additionalProperties: false }),
  metadataSchema,
  apis: [
    {
      uri: '/apisix/batch-requests',
      methods: ['POST'],
      create({ metadata }) {
        const { max_body_size: maxBytes = 1_048_576, max_pipeline_items: maxItems = 1_000 } = metadata as {
          max_body_size?: number
          max_pipeline_items?: number
        }
        return async (session) => {
          if (session.inner) return session.respond(400, { error_msg: 'a batch within a batch' })
          const batch = readBatch(Buffer.from(await session.readBody(maxBytes)).toString('utf8'), maxItems)
          if (typeof batch === 'string') return session.respond(400, { error_msg: batch })
          return session.respond(200, await runBatch(session, batch, Math.min(batch.timeoutMs, MAX_TIMEOUT_MS)))
        }
      },
    },
  ],
  create: () => ({}),
})
