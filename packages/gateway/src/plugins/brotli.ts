/**
 * Compresses responses with Brotli, for clients that take it: smaller than gzip.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream_id: shop
 *     plugins:
 *       brotli: { types: [application/json], comp_level: 4, vary: true }
 *       gzip: { types: [application/json], vary: true }
 * ```
 *
 * ```sh
 * curl -i -H 'Accept-Encoding: gzip, br' http://127.0.0.1:8080/orders      # 200, Content-Encoding: br, Vary: Accept-Encoding
 * curl -i -H 'Accept-Encoding: gzip' http://127.0.0.1:8080/orders          # 200, Content-Encoding: gzip
 * curl -i http://127.0.0.1:8080/orders                                     # 200, no Content-Encoding
 * ```
 *
 * What is compressed and what is left alone is as with [gzip](gzip.md), which may stand on the same route for clients that know no Brotli.
 *
 * Bodies pass through piece by piece; each event of an event stream leaves at once.
 *
 * Costs 30 µs and some 20 ns for each byte at `comp_level` 4, ten times that at 9 and a hundred times at 11, in the worker's own time: high levels are for small bodies. 1 MB
 * of memory for a body that comes in several pieces (`lgwin`).
 */
import { constants } from 'node:zlib'
import { Type } from '../schema/type.ts'
import { brotliCoding, compression } from './compression/compression.ts'
import { compressionFields } from './compression/schema.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    ...compressionFields,
    comp_level: defaulted(
      Type.Integer({ minimum: 0, maximum: 11, default: 6, description: '0 is fastest, 11 compresses most' }),
    ),
    mode: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 2,
        default: 0,
        description: '0 for anything, 1 for text, 2 for fonts (WOFF 2.0)',
      }),
    ),
    lgwin: defaulted(
      Type.Enum([0, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24], {
        default: 19,
        description: 'size of the window, as the exponent of 2; 0: by the encoder',
      }),
    ),
    lgblock: defaulted(
      Type.Enum([0, 16, 17, 18, 19, 20, 21, 22, 23, 24], {
        default: 0,
        description: 'size of a block of input, as the exponent of 2; 0: by the encoder',
      }),
    ),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'brotli',
  priority: 996,
  placeless: true,
  // A body is compressed once: where a global rule and a route have the plugin, the route's options count.
  runPolicy: 'prefer_route',
  schema,
  create(config) {
    const { comp_level: level, mode, lgwin, lgblock } = config
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: level,
      [constants.BROTLI_PARAM_MODE]: mode,
      ...(lgwin === 0 ? {} : { [constants.BROTLI_PARAM_LGWIN]: lgwin }),
      ...(lgblock === 0 ? {} : { [constants.BROTLI_PARAM_LGBLOCK]: lgblock }),
    }
    return compression('brotli', brotliCoding({ params }), config)
  },
})
