/**
 * Compresses responses with gzip, for clients that take it.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream_id: shop
 *     plugins:
 *       gzip: { types: [text/html, application/json], min_length: 100, comp_level: 5, vary: true }
 * ```
 *
 * ```sh
 * curl -i --compressed http://127.0.0.1:8080/orders                          # 200, Content-Encoding: gzip, Vary: Accept-Encoding
 * curl -i http://127.0.0.1:8080/orders                                       # 200, no Content-Encoding, Vary: Accept-Encoding
 * curl -i -H 'Accept-Encoding: gzip;q=0' http://127.0.0.1:8080/orders        # 200, no Content-Encoding
 * ```
 *
 * Compressed are responses of one of the `types` whose length is `min_length` or more, or unknown. Left alone are those that are encoded already, parts of resources
 * (206), what says `Cache-Control: no-transform`, gRPC, and answers to HEAD. A strong `ETag` becomes a weak one, for the bytes are others.
 *
 * Bodies pass through piece by piece; each event of an event stream leaves at once. `buffers` has no effect: what waits is bounded by the connection.
 *
 * With [brotli](brotli.md) on the same route, a client that takes both gets Brotli.
 *
 * Costs 10 µs and some 10 to 50 ns for each byte, by `comp_level`, in the worker's own time; 260 KB of memory for a body that comes in several pieces.
 */
import { Type } from '../schema/type.ts'
import { compression, gzipCoding } from './compression/compression.ts'
import { compressionFields } from './compression/schema.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const strict = { additionalProperties: false } as const

const schema = Type.Object(
  {
    ...compressionFields,
    comp_level: defaulted(
      Type.Integer({ minimum: 1, maximum: 9, default: 1, description: '1 is fastest, 9 compresses most' }),
    ),
    buffers: Type.Optional(
      Type.Object(
        {
          number: Type.Optional(Type.Integer({ minimum: 1, default: 32, description: 'of nginx; has no effect here' })),
          size: Type.Optional(Type.Integer({ minimum: 1, default: 4096, description: 'of nginx; has no effect here' })),
        },
        { ...strict, description: 'of nginx; has no effect here' },
      ),
    ),
  },
  strict,
)

export default definePlugin({
  name: 'gzip',
  priority: 995,
  placeless: true,
  // A body is compressed once: where a global rule and a route have the plugin, the route's options count.
  runPolicy: 'prefer_route',
  schema,
  create: (config) => compression('gzip', gzipCoding({ level: config.comp_level }), config),
})
