/**
 * Sends the request to a function of Azure Functions. As APISIX's plugin of this name.
 *
 * ```yaml
 * routes:
 *   - uri: /orders/*
 *     plugins:
 *       azure-functions: { function_uri: "http://127.0.0.1:9300/api/orders", authorization: { apikey: "${{FUNCTION_KEY}}" } }
 * ```
 *
 * ```sh
 * export FUNCTION_KEY=k-7
 * curl -i http://127.0.0.1:8080/orders/7     # 200, body: {}
 * # with: http-sink at 127.0.0.1:9300
 * # http-sink got: GET /api/orders/7
 * # http-sink got: x-functions-key: k-7
 * ```
 *
 * The request leaves as it came, method, query, fields and body, for `function_uri`; what a `*` at the end of the route's `uri` stands for is
 * added to its path. The answer comes back as it is.
 *
 * **Who calls** is shown by `x-functions-key` and `x-functions-clientid`: those of the client where it sent one of them, else those of
 * `authorization`, else those of the plugin's metadata.
 *
 * A function that cannot be reached, or takes longer than `timeout`, is a 503. Bodies pass through; no request is sent twice.
 */
import type { RequestHead } from '@sekisho/proxy'
import { checkFunctionUri, functionUriFields, FunctionUriTarget } from '../functions/function-uri-target.ts'
import { Type } from '../schema/type.ts'
import { definePlugin } from './definition.ts'

const strict = { additionalProperties: false } as const

const schema = Type.Object(
  {
    ...functionUriFields,
    authorization: Type.Optional(
      Type.Object(
        {
          apikey: Type.Optional(Type.String({ description: 'key of the function or its host; better $env://NAME' })),
          clientid: Type.Optional(Type.String({ description: 'name of the key' })),
        },
        { ...strict, description: 'in place of the keys of the metadata' },
      ),
    ),
  },
  strict,
)

const metadataSchema = Type.Object(
  {
    master_apikey: Type.Optional(
      Type.String({ default: '', description: 'key of calls whose route has none; better $env://NAME' }),
    ),
    master_clientid: Type.Optional(Type.String({ default: '', description: 'its name' })),
  },
  strict,
)

export default definePlugin({
  name: 'azure-functions',
  priority: -1_900,
  schema,
  metadataSchema,
  check: checkFunctionUri,
  create(config, { metadata }) {
    const { apikey, clientid } = config.authorization ?? {
      apikey: metadata.master_apikey,
      clientid: metadata.master_clientid,
    }
    const authorize = ({ headers }: RequestHead): void => {
      if (headers.has('x-functions-key') || headers.has('x-functions-clientid')) return
      if (apikey) headers.append('x-functions-key', apikey)
      if (clientid) headers.append('x-functions-clientid', clientid)
    }
    const target = new FunctionUriTarget(config, authorize)
    return {
      access(session) {
        session.ctx.functionCall = target.call(session)
      },
    }
  },
})
