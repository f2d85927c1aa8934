import { type Static, Type } from '../schema/type.ts'

/** Limits of connections that switched protocols. */
export const WebSocketLimits = Type.Object(
  {
    idle_timeout: Type.Optional(
      Type.Number({
        minimum: 0,
        description: 'seconds without a byte in either direction; 0 = no limit, left out: an hour',
      }),
    ),
    max_message_bytes: Type.Optional(
      Type.Integer({ minimum: 1, description: 'bytes of a message, all fragments together; left out: no limit' }),
    ),
  },
  { additionalProperties: false, description: 'limits of WebSockets' },
)
export type WebSocketLimits = Static<typeof WebSocketLimits>
