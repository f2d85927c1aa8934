/**
 * Lets functions send to the clients of a WebSocket API, ask after them, and close their connections: the `@connections` calls of API Gateway.
 *
 * ```yaml
 * routes:
 *   - uri: /prod/@connections/*
 *     plugins:
 *       lambda-connections:
 *         stage: prod
 *         keys: [{ accesskey: chat, secretkey: "do-not-write-it-here" }]
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/prod/@connections/Q29ubmVjdGlvbg==       # 403: it is not signed
 * ```
 *
 * `ApiGatewayManagementApiClient` of the AWS SDK works against it, with the gateway's address and the stage as its endpoint (`http://127.0.0.1:8080/prod`).
 *
 * | Call | Does | Answers |
 * | --- | --- | --- |
 * | `POST /prod/@connections/ID` | sends the body to the client | 200 |
 * | `GET` | asks after the connection | 200 `{"connectedAt":…,"identity":…,"lastActiveAt":…}` |
 * | `DELETE` | closes it | 204 |
 *
 * A connection that is gone is a 410, a body of more than 128 KB a 413, and a client that does not read what it is sent a 429.
 *
 * **Who may call**: whoever signs with one of `keys` (AWS Signature Version 4, service `execute-api`); others get a 403. `allow_unsigned: true` lets everyone who
 * reaches the route: have another plugin refuse those who should not.
 *
 * Connections of all workers of this node are reached, whichever worker the call comes to. Those of another node are not.
 *
 * Costs 10 µs a call, 30 µs more with a signature, and 20 µs more if another worker holds the connection.
 */
import type { Credentials } from '@sekisho/functions/signature'
import { connections } from '../functions/web-socket/connection-registry.ts'
import { ManagementApi } from '../functions/web-socket/management-api.ts'
import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    stage: defaulted(
      Type.String({ pattern: '^[a-zA-Z0-9_-]{1,128}$', default: 'prod', description: 'that of `lambda-websocket`' }),
    ),
    route_id: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'reach the connections of this route alone; left out: of all in the stage',
      }),
    ),
    keys: Type.Optional(
      Type.Array(
        Type.Object(
          {
            accesskey: Type.String({ minLength: 1, description: 'access key id' }),
            secretkey: Type.String({ minLength: 1, description: 'secret access key; better $env://NAME' }),
          },
          { additionalProperties: false },
        ),
        { minItems: 1, description: 'whose signatures are taken' },
      ),
    ),
    allow_unsigned: defaulted(Type.Boolean({ default: false, description: 'take calls of everyone' })),
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'lambda-connections',
  priority: -1_896,
  schema,
  check({ keys, allow_unsigned: open }) {
    if (keys === undefined && !open) {
      return {
        path: '/keys',
        message: 'is missing; add keys, or "allow_unsigned: true" behind another plugin that refuses',
      }
    }
    if (keys !== undefined && open)
      return { path: '/allow_unsigned', message: 'makes "keys" void; remove one of the two' }
    return undefined
  },
  create(config) {
    const keys = new Map<string, Credentials>()
    for (const { accesskey, secretkey } of config.keys ?? []) {
      keys.set(accesskey, { accessKeyId: accesskey, secretAccessKey: secretkey })
    }
    const api = new ManagementApi(
      { stage: config.stage, routeId: config.route_id },
      config.allow_unsigned ? undefined : (id) => keys.get(id),
    )
    return { access: (session) => api.answer(session), dispose: connections.open() }
  },
})
