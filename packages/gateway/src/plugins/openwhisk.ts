/**
 * Answers from an action of Apache OpenWhisk, which is invoked with the body of the request and waited for. As APISIX's plugin of this name.
 *
 * ```yaml
 * routes:
 *   - uri: /hello
 *     plugins:
 *       openwhisk:
 *         api_host: http://127.0.0.1:9300
 *         service_token: "name:${{TOKEN}}"
 *         namespace: guest
 *         action: hello
 * ```
 *
 * ```sh
 * export TOKEN=s3
 * curl -i http://127.0.0.1:8080/hello -d '{"who":"jo"}'     # 200, body: {}
 * # with: http-sink at 127.0.0.1:9300
 * # http-sink got: POST /api/v1/namespaces/guest/actions/hello?blocking=true&result=true&timeout=3000
 * # http-sink got: authorization: Basic bmFtZTpzMw==
 * # http-sink got: {"who":"jo"}
 * ```
 *
 * The action's result is the body of the answer. A result with `statusCode`, `headers` or `body` says more: these become status, fields and body
 * (text as it is, anything else as JSON). With `result: false` the client gets the record of the whole activation.
 *
 * An OpenWhisk that cannot be reached, takes longer than `timeout`, or answers no JSON is a 503, counted in `sekisho_plugin_calls_total`.
 *
 * Costs the memory of both bodies.
 */
import { basicAuthorization, ServiceClient, ServiceFailure } from '../side-calls/index.ts'
import { functionCallFields } from '../functions/function-uri-target.ts'
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { type Activation, readActivation } from './openwhisk/activation.ts'

const entity = (description: string) =>
  Type.String({
    maxLength: 256,
    pattern: '^(\\w|\\w[\\w@ .-]*[\\w@.-]+)$',
    patternErrorMessage: 'must be a name of OpenWhisk: letters, digits, "_", and within it "@", " ", "." and "-"',
    description,
  })

const schema = Type.Object(
  {
    api_host: Type.String({
      pattern: '^https?://[^/?#@\\s]+/?$',
      patternErrorMessage: 'must be "https://HOST" or "https://HOST:PORT"',
      description: 'where OpenWhisk is',
    }),
    service_token: Type.String({ minLength: 1, description: '`NAME:PASSWORD`; better $env://NAME' }),
    namespace: entity('of the action'),
    package: Type.Optional(entity('of the action, where it is in one')),
    action: entity('name of the action'),
    result: defaulted(
      Type.Boolean({
        default: true,
        description: 'false: answer with the record of the activation, and not with its result',
      }),
    ),
    timeout: defaulted(
      Type.Integer({
        minimum: 1,
        maximum: 60_000,
        default: 3_000,
        description: 'milliseconds that the action may take',
      }),
    ),
    ...functionCallFields,
  },
  { additionalProperties: false },
)

type Config = Static<typeof schema>

/** As much as OpenWhisk lets a request have. */
const MAX_ANSWER_BYTES = 67_108_864

export default definePlugin({
  name: 'openwhisk',
  priority: -1_901,
  schema,
  check: ({ api_host: host }) =>
    URL.canParse(host) ? undefined : { path: '/api_host', message: 'is not a URL; write "https://HOST"' },
  create(config, context) {
    const { keepalive, keepalive_pool: maxIdle, keepalive_timeout: idleTimeoutMs } = config
    const client = new ServiceClient(
      {
        plugin: 'openwhisk',
        timeoutMs: config.timeout,
        maxAnswerBytes: MAX_ANSWER_BYTES,
        peer: {
          tls: { verify: config.ssl_verify },
          keepAlive: { maxIdle, idleTimeoutMs, ...(keepalive ? {} : { maxRequests: 1 }) },
        },
        consequence: 'requests are answered with 503',
      },
      context,
    )
    const url = urlOf(config)
    const headers = {
      Authorization: basicAuthorization(config.service_token),
      'Content-Type': 'application/json',
    }

    async function invoke(session: GatewaySession): Promise<Activation | undefined> {
      const { request } = session
      const body = request.bodyLength === 0 ? undefined : await session.readBody(config.max_req_body_size)
      try {
        const answer = await client.call(url, { method: 'POST', headers, body })
        const activation = readActivation(answer)
        if (activation === undefined) client.refused(url, `the answer (status ${answer.status}) is no JSON`)
        return activation
      } catch (error) {
        if (error instanceof ServiceFailure) return undefined
        throw error
      }
    }

    return {
      async access(session) {
        const activation = await invoke(session)
        if (activation === undefined) session.respond(503)
        else session.respond(activation.status, activation.body, activation.headers)
      },
    }
  },
})

function urlOf({ api_host: host, namespace, package: parent, action, result, timeout }: Config): URL {
  const path = [namespace, 'actions', ...(parent === undefined ? [] : [parent]), action].map(encodeURIComponent)
  return new URL(`/api/v1/namespaces/${path.join('/')}?blocking=true&result=${result}&timeout=${timeout}`, host)
}
