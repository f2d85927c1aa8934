/**
 * Limits the size of request bodies on a route.
 *
 * ```yaml
 * routes:
 *   - uri: /upload
 *     upstream_id: shop
 *     plugins:
 *       client-control: { max_body_size: 10 }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/upload -d '0123456789'      # 200
 * curl -i http://127.0.0.1:8080/upload -d '0123456789+'     # 413, no upstream
 * ```
 *
 * A body that says its length is refused before anything of it is read. One that comes in chunks (or in frames of HTTP/2 without a length) is counted while it
 * passes: the upstream's request is broken off, and the client gets the 413.
 *
 * The limit of the whole gateway, `limits.max_body_bytes`, holds as well: the smaller one of the two counts.
 *
 * Costs 0.1 µs, and as much for each piece of a body that does not say its length.
 */
import { Type } from '../schema/type.ts'
import { definePlugin, type PluginHooks } from './definition.ts'

const schema = Type.Object(
  {
    max_body_size: Type.Optional(
      Type.Integer({ minimum: 0, description: 'bytes of a request body; 0 or left out: no limit' }),
    ),
  },
  { additionalProperties: false },
)

const NAME = 'client-control'
const TOO_LARGE = { error_msg: 'the body is larger than this route takes' }

export default definePlugin({
  name: NAME,
  priority: 22_000,
  placeless: true,
  // As in APISIX, where the route's limit takes the place of the global one.
  runPolicy: 'prefer_route',
  schema,
  create({ max_body_size: most = 0 }): PluginHooks {
    if (most === 0) return {}
    return {
      rewrite(session) {
        if (session.request.bodyLength > most) session.respond(413, TOO_LARGE)
      },
      requestBody(session, chunk) {
        if (session.request.bodyLength >= 0) return undefined
        const { ctx } = session
        const received = (ctx.getState<number>(NAME) ?? 0) + chunk.length
        ctx.setState(NAME, received)
        if (received > most) session.respond(413, TOO_LARGE)
        return undefined
      },
    }
  },
})
