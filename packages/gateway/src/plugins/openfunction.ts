/**
 * Sends the request to a function of OpenFunction. As APISIX's plugin of this name.
 *
 * ```yaml
 * routes:
 *   - uri: /hello/*
 *     plugins:
 *       openfunction: { function_uri: "http://127.0.0.1:9300/default/hello", authorization: { service_token: "test:${{TOKEN}}" } }
 * ```
 *
 * ```sh
 * export TOKEN=s3
 * curl -i http://127.0.0.1:8080/hello/jo     # 200, body: {}
 * # with: http-sink at 127.0.0.1:9300
 * # http-sink got: GET /default/hello/jo
 * # http-sink got: authorization: Basic dGVzdDpzMw==
 * ```
 *
 * The request leaves as it came, method, query, fields and body, for `function_uri`; what a `*` at the end of the route's `uri` stands for is
 * added to its path. The answer comes back as it is.
 *
 * With `authorization.service_token` the function gets it as HTTP Basic credentials, in place of what the client sent in `Authorization`.
 *
 * A function that cannot be reached, or takes longer than `timeout`, is a 503. Bodies pass through; no request is sent twice.
 */
import type { RequestHead } from '@sekisho/proxy'
import { checkFunctionUri, functionUriFields, FunctionUriTarget } from '../functions/function-uri-target.ts'
import { Type } from '../schema/type.ts'
import { basicAuthorization } from '../side-calls/index.ts'
import { definePlugin } from './definition.ts'

const strict = { additionalProperties: false } as const

const schema = Type.Object(
  {
    ...functionUriFields,
    authorization: Type.Optional(
      Type.Object(
        { service_token: Type.Optional(Type.String({ description: '`NAME:PASSWORD`; better $env://NAME' })) },
        { ...strict, description: 'who calls' },
      ),
    ),
  },
  strict,
)

export default definePlugin({
  name: 'openfunction',
  priority: -1_902,
  schema,
  check: checkFunctionUri,
  create(config) {
    const token = config.authorization?.service_token
    const credentials = token === undefined ? undefined : basicAuthorization(token)
    const authorize = ({ headers }: RequestHead): void => {
      if (credentials !== undefined) headers.set('Authorization', credentials)
    }
    const target = new FunctionUriTarget(config, authorize)
    return {
      access(session) {
        session.ctx.functionCall = target.call(session)
      },
    }
  },
})
