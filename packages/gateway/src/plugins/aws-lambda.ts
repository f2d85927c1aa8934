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
 * A signature costs 30 µs and the memory of the request's body; otherwise bodies pass through.
 */
import type { RequestHead } from '@sekisho/proxy'
import { signRequest } from '@sekisho/functions/signature'
import { checkFunctionUri, functionUriFields, FunctionUriTarget } from '../functions/function-uri-target.ts'
import { type Static, Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const strict = { additionalProperties: false } as const

const schema = Type.Object(
  {
    ...functionUriFields,
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
  },
  strict,
)

export default definePlugin({
  name: 'aws-lambda',
  priority: -1_899,
  schema,
  check: checkFunctionUri,
  create(config) {
    const { apikey, iam } = config.authorization ?? {}
    const authorize = (request: RequestHead, body: Uint8Array, url: URL): void => {
      const { headers } = request
      if (apikey !== undefined && !headers.has('x-api-key')) headers.append('x-api-key', apikey)
      else if (iam !== undefined && !headers.has('authorization')) sign(request, body, url, iam)
    }
    const target = new FunctionUriTarget(config, authorize, iam !== undefined)
    return {
      access(session) {
        session.ctx.functionCall = target.call(session)
      },
    }
  },
})

type Identity = NonNullable<NonNullable<Static<typeof schema>['authorization']>['iam']>

function sign({ headers, method, target }: RequestHead, body: Uint8Array, url: URL, identity: Identity): void {
  const amazon = [...headers].filter(([name]) => /^x-amz-/i.test(name))
  const signed = signRequest({
    method,
    url: `${url.origin}${target}`,
    // The service wants all fields of this kind to be signed.
    headers: { ...Object.fromEntries(amazon), host: url.host },
    body,
    service: identity.service,
    region: identity.aws_region,
    credentials: { accessKeyId: identity.accesskey, secretAccessKey: identity.secretkey },
  })
  for (const name of Object.keys(signed.headers)) headers.set(name, signed.headers[name])
}
