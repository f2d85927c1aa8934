/**
 * Sends the request to a function that has an address in HTTP: an API of API Gateway, or a function URL. As APISIX's plugin of this name.
 *
 * ```yaml
 * routes:
 *   - uri: /orders/*
 *     plugins:
 *       aws-lambda:
 *         function_uri: https://x0xk7g2v5h.execute-api.us-east-1.amazonaws.com/prod
 *         authorization: { apikey: "do-not-write-it-here" }
 * ```
 *
 * ```yaml
 * routes:
 *   - uri: /orders/*
 *     plugins:
 *       aws-lambda: { function_uri: "http://127.0.0.1:9300/prod", authorization: { apikey: "${{API_KEY}}" } }
 * ```
 *
 * ```sh
 * export API_KEY=k-7
 * curl -i http://127.0.0.1:8080/orders/7     # 200, body: {}
 * # with: http-sink at 127.0.0.1:9300
 * # http-sink got: GET /prod/7
 * # http-sink got: x-api-key: k-7
 * ```
 *
 * The request leaves as it came, method, query, fields and body, for `function_uri`; what a `*` at the end of the route's `uri` stands for is
 * added to its path. The answer comes back as it is.
 *
 * **Who calls** is shown by `authorization.apikey` (field `x-api-key`), or by a signature with `authorization.iam` (AWS Signature Version 4), unless
 * the client itself sent an `x-api-key` or `authorization` field: that is left alone. For a function URL write `service: lambda`.
 *
 * A service that cannot be reached, or takes longer than `timeout`, is a 503.
 *
 * To call a function by its name, or one of this node's engine, take [lambda](lambda.md).
 *
 * Costs the memory of the request's body, and 30 µs for a signature.
 */
import { AwsLambdaTarget } from '../functions/aws-lambda-target.ts'
import { connectionFields } from '../functions/service-upstream.ts'
import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const strict = { additionalProperties: false } as const

const schema = Type.Object(
  {
    function_uri: Type.String({
      pattern: '^https?://[^/?#@\\s]+(/[^?#\\s]*)?$',
      patternErrorMessage: 'must be a URL without query, as "https://HOST/PATH"',
      description: 'where the function is',
    }),
    authorization: Type.Optional(
      Type.Object(
        {
          apikey: Type.Optional(Type.String({ minLength: 1, description: 'sent as `x-api-key`' })),
          iam: Type.Optional(
            Type.Object(
              {
                accesskey: Type.String({ minLength: 1, description: 'access key id' }),
                secretkey: Type.String({ minLength: 1, description: 'secret access key; better $env://NAME' }),
                aws_region: defaulted(Type.String({ default: 'us-east-1' })),
                service: defaulted(
                  Type.String({ default: 'execute-api', description: '`execute-api`, or `lambda` for a function URL' }),
                ),
              },
              { ...strict, description: 'what requests are signed with' },
            ),
          ),
        },
        { ...strict, description: 'who calls' },
      ),
    ),
    timeout: defaulted(Type.Integer({ minimum: 100, default: 3_000, description: 'milliseconds' })),
    ...connectionFields,
    keepalive_pool: defaulted(Type.Integer({ minimum: 1, default: 5, description: 'idle connections kept' })),
    max_req_body_size: defaulted(
      Type.Integer({
        minimum: 1,
        default: 67_108_864,
        description: 'bytes of a request body, which is read whole; more is refused with a 413',
      }),
    ),
  },
  strict,
)

export default definePlugin({
  name: 'aws-lambda',
  priority: -1_899,
  schema,
  check(config) {
    if (URL.canParse(config.function_uri)) return undefined
    return { path: '/function_uri', message: 'is not a URL; write "https://HOST/PATH"' }
  },
  create(config) {
    const target = new AwsLambdaTarget(config)
    return {
      access(session) {
        session.ctx.functionCall = target.call(session)
      },
    }
  },
})
