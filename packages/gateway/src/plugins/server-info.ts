/**
 * Is there for configurations of APISIX that name it. What it tells there, this gateway tells without it: `GET /v1/server_info` at the
 * [Admin API](../admin-api.md).
 *
 * ```yaml
 * global_rules:
 *   - { id: all, plugins: { server-info: {} } }
 * routes:
 *   - { uri: /*, upstream_id: shop }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/      # 200: nothing is different
 * ```
 *
 * It has no options and costs nothing.
 */
import { Type } from '../schema/type.ts'
import { definePlugin } from './definition.ts'

export default definePlugin({
  name: 'server-info',
  priority: 990,
  placeless: true,
  schema: Type.Object({}, { additionalProperties: false }),
  create: () => ({}),
})
