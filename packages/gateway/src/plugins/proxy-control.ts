/**
 * Says whether the upstream is asked while a request body still comes, or when all of it is here: slow clients then hold no connection of an upstream
 * that has few.
 *
 * ```yaml
 * routes:
 *   - uri: /upload
 *     upstream_id: shop
 *     plugins:
 *       proxy-control: { request_buffering: true, max_buffered_bytes: 10 }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/upload -d '0123456789'                                   # 200, upstream: content-length: 10
 * curl -i http://127.0.0.1:8080/upload -d '0123456789+'                                  # 200: too large to be kept, passed on as it comes
 * curl -i -H 'Transfer-Encoding: chunked' http://127.0.0.1:8080/upload -d '0123456789+'  # 413, no upstream
 * ```
 *
 * Without this plugin bodies pass through as they come, in bounded memory; `request_buffering: false` says so. With `true`, a body is kept in memory until it
 * is whole. One that says that it has more than `max_buffered_bytes` passes through; one that says no length and has more is refused with a 413.
 *
 * A whole body may be sent again when an attempt fails before the upstream has taken it.
 *
 * Costs the memory of the body.
 */
import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin, type PluginHooks } from './definition.ts'

const schema = Type.Object(
  {
    request_buffering: defaulted(
      Type.Boolean({ default: true, description: 'read request bodies whole before the upstream is asked' }),
    ),
    max_buffered_bytes: defaulted(
      Type.Integer({ minimum: 1, default: 67_108_864, description: 'of a body that is kept' }),
    ),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'proxy-control',
  priority: 21_990,
  placeless: true,
  schema,
  create({ request_buffering: buffers, max_buffered_bytes: most }): PluginHooks {
    if (!buffers) return {}
    return {
      access(session) {
        const { bodyLength: length } = session.request
        if (length === 0 || length > most) return undefined
        return session.readBody(most).then(() => undefined)
      },
    }
  },
})
