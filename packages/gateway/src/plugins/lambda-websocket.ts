/**
 * A WebSocket API: the gateway holds the connections, and functions get what clients send, as behind API Gateway.
 *
 * ```yaml
 * functions: { address: 127.0.0.1:9190 }
 * routes:
 *   - uri: /chat
 *     plugins:
 *       lambda-websocket:
 *         stage: prod
 *         routes:
 *           $connect: { function_name: chat-connect }
 *           $disconnect: { function_name: chat-disconnect }
 *           $default: { function_name: chat-message }
 *           ping: { function_name: chat-ping, route_response: true }
 *   - uri: /prod/@connections/*
 *     plugins:
 *       lambda-connections: { stage: prod, keys: [{ accesskey: chat, secretkey: "do-not-write-it-here" }] }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/chat      # 426
 * ```
 *
 * **$connect** decides whether a client may connect: with a status of 2xx it may, any other is the answer to the client. It picks a subprotocol by the
 * field `Sec-WebSocket-Protocol`, one of those that were offered. Left out, every client may; put `lambda-authorizer` or another plugin before it.
 *
 * **Messages** go to the route whose key stands in them at `route_selection_expression`, here `{"action":"ping"}` to `ping`, and all others to
 * `$default`. What the function answers goes back with `route_response: true` alone. Functions send to clients by
 * [lambda-connections](lambda-connections.md), at any time. A function that fails makes the client read
 * `{"message":"Internal server error","connectionId":"…","requestId":"…"}`. A binary message is base64 in its event, and for `$default`.
 *
 * **$disconnect** is told of the end, with its code, and not waited for.
 *
 * **Limits** are those of AWS: frames of 32 KB and messages of 128 KB (more is closed with 1009), 10 minutes without a message, 2 hours in all.
 * Sixteen messages of a connection are worked on at a time; they may overtake each other.
 *
 * A connection lives in one worker of one node, and ends with it. When the gateway stops or is upgraded it may go on for `shutdown.grace_period`, out of
 * reach of `lambda-connections`, and is then closed with 1001.
 *
 * Costs 4 KB a connection, and a call a message.
 */
import { FunctionTarget } from '../functions/function-target.ts'
import { InvokeTarget } from '../functions/invoke-target.ts'
import { connectionFields, SERVICE_DEFAULTS, serviceUpstream, timeoutOf } from '../functions/service-upstream.ts'
import { connections } from '../functions/web-socket/connection-registry.ts'
import { routeSelector, SELECTION_PATTERN } from '../functions/web-socket/route-selection.ts'
import { WebSocketApi, type WebSocketRoute } from '../functions/web-socket/web-socket-api.ts'
import { functionCallFields, FunctionName } from '../resources/function-call.ts'
import { type Static, Type } from '../schema/type.ts'
import type { PluginContext } from './context.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const { endpoint, region, authorization } = functionCallFields
const strict = { additionalProperties: false } as const

const schema = Type.Object(
  {
    routes: Type.Record(
      Type.String(),
      Type.Object(
        {
          function_name: FunctionName,
          route_response: defaulted(
            Type.Boolean({ default: false, description: 'what the function answers goes back to the client' }),
          ),
        },
        strict,
      ),
      {
        minProperties: 1,
        description: 'functions by route key: `$connect`, `$disconnect`, `$default`, or a text of yours',
      },
    ),
    route_selection_expression: defaulted(
      Type.String({
        pattern: SELECTION_PATTERN,
        patternErrorMessage: 'must be as "$request.body.action"',
        default: '$request.body.action',
        description: 'where the route key stands in the JSON of a message',
      }),
    ),
    stage: defaulted(
      Type.String({
        pattern: '^[a-zA-Z0-9_-]{1,128}$',
        default: 'prod',
        description: 'for the events, and for `lambda-connections`',
      }),
    ),
    idle_timeout: defaulted(
      Type.Number({ exclusiveMinimum: 0, maximum: 86_400, default: 600, description: 'seconds without a message' }),
    ),
    max_duration: defaulted(
      Type.Number({ exclusiveMinimum: 0, maximum: 604_800, default: 7_200, description: 'seconds of a connection' }),
    ),
    max_frame_bytes: defaulted(
      Type.Integer({ minimum: 125, maximum: 4_194_304, default: 32_768, description: 'of one frame of a client' }),
    ),
    max_message_bytes: defaulted(
      Type.Integer({ minimum: 125, maximum: 4_194_304, default: 131_072, description: 'of all frames of a message' }),
    ),
    max_connections: defaulted(
      Type.Integer({ minimum: 1, default: 10_000, description: 'of one worker, over all routes with this plugin' }),
    ),
    endpoint,
    region,
    authorization,
    timeout: defaulted(Type.Integer({ minimum: 100, default: 29_000, description: 'milliseconds of a function' })),
    ...connectionFields,
    keepalive_pool: defaulted(
      Type.Integer({ minimum: 1, default: 320, description: 'idle connections to the service kept by each worker' }),
    ),
  },
  strict,
)
type Config = Static<typeof schema>

const OWN_KEYS = new Set(['$connect', '$disconnect', '$default'])

export default definePlugin({
  name: 'lambda-websocket',
  priority: -1_897,
  schema,
  check({ routes }) {
    for (const [key, { route_response: responds }] of Object.entries(routes)) {
      if (key === '' || (key.startsWith('$') && !OWN_KEYS.has(key))) {
        return { path: '/routes', message: `"${key}" is no route key; of AWS there are ${[...OWN_KEYS].join(', ')}` }
      }
      if (responds && (key === '$connect' || key === '$disconnect')) {
        return { path: `/routes/${key}/route_response`, message: 'has no meaning here; remove it' }
      }
    }
    return undefined
  },
  create(config, context) {
    const api = apiOf(config, context)
    const close = connections.open()
    return {
      access(session) {
        if (api !== undefined) return api.open(session)
        session.respond(500, { message: 'Internal server error' })
        return undefined
      },
      dispose: close,
    }
  },
})

function apiOf(config: Config, { engine, logger }: PluginContext): WebSocketApi | undefined {
  const settings = {
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
    ...(config.region === undefined ? {} : { region: config.region }),
    ...(config.authorization === undefined ? {} : { authorization: config.authorization }),
  }
  const routes = new Map<string, WebSocketRoute>()
  for (const [key, { function_name: name, route_response: responds }] of Object.entries(config.routes)) {
    const invoke = InvokeTarget.of(name, settings, engine)
    if (invoke === undefined) {
      logger.error({ function: name }, 'a WebSocket API has no service: every connection is refused')
      return undefined
    }
    const upstream = serviceUpstream(config)
    const target = new FunctionTarget(invoke, settings, upstream, timeoutOf(config.timeout), SERVICE_DEFAULTS, logger)
    routes.set(key, { target, responds })
  }
  return new WebSocketApi({
    routes,
    select: routeSelector(config.route_selection_expression),
    stage: config.stage,
    limits: {
      maxFrameBytes: config.max_frame_bytes,
      maxMessageBytes: config.max_message_bytes,
      idleTimeoutMs: config.idle_timeout * 1_000,
      lifetimeMs: config.max_duration * 1_000,
    },
    maxConnections: config.max_connections,
  })
}
