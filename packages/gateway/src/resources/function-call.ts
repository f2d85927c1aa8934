import { type Static, Type } from '../schema/type.ts'

/** A name, `name:qualifier`, or an ARN. */
export const FUNCTION_PATTERN =
  '^([a-zA-Z0-9_-]{1,64}|(arn:[a-z0-9-]+:lambda:[a-z0-9-]+:)?[0-9]{12}:function:[a-zA-Z0-9_-]{1,64})(:[a-zA-Z0-9$_-]{1,128})?$'

export const FunctionName = Type.String({
  pattern: FUNCTION_PATTERN,
  patternErrorMessage: 'must be a name as "hello", "hello:live" with an alias or version, or the ARN of a function',
  description: 'name, name:alias, name:version, or ARN',
})

export const PAYLOAD_FORMATS = ['http-2.0', 'rest-1.0', 'alb', 'function-url'] as const
export const INVOCATION_TYPES = ['RequestResponse', 'ResponseStream', 'Event'] as const

const strict = { additionalProperties: false } as const

export const IamCredentials = Type.Object(
  {
    accesskey: Type.String({ minLength: 1, description: 'access key id' }),
    secretkey: Type.String({ minLength: 1, description: 'secret access key; better $env://NAME' }),
    session_token: Type.Optional(Type.String({ minLength: 1, description: 'of temporary credentials' })),
  },
  { ...strict, description: 'what calls are signed with (AWS Signature Version 4)' },
)
export type IamCredentials = Static<typeof IamCredentials>

/** How a function is asked: what the plugin `lambda` and upstreams of type `function` have in common. */
export const functionCallFields = {
  payload: Type.Optional(
    Type.Enum(PAYLOAD_FORMATS, {
      default: 'http-2.0',
      description:
        'the event it gets and the answer it gives: of an HTTP API, a REST API, a load balancer or a function URL',
    }),
  ),
  invocation_type: Type.Optional(
    Type.Enum(INVOCATION_TYPES, {
      default: 'RequestResponse',
      description:
        '`ResponseStream`: the answer leaves piece by piece. `Event`: it is queued, and the client gets a 202',
    }),
  ),
  endpoint: Type.Optional(
    Type.String({
      pattern: '^https?://([0-9a-zA-Z._-]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?/?$',
      patternErrorMessage: 'must be "http://HOST:PORT" or "https://HOST:PORT", with nothing behind the port',
      description: 'of the Lambda API; left out: the function engine of this node, or else AWS',
    }),
  ),
  region: Type.Optional(
    Type.String({ pattern: '^[a-z0-9-]+$', description: 'of AWS; left out: that of the engine, or us-east-1' }),
  ),
  authorization: Type.Optional(
    Type.Object(
      { iam: IamCredentials },
      { ...strict, description: 'who calls; left out: as the engine of this node wants it' },
    ),
  ),
  stage: Type.Optional(
    Type.String({
      pattern: '^([a-zA-Z0-9_-]{1,128}|\\$default)$',
      default: '$default',
      description: 'what the event says of it',
    }),
  ),
  stage_variables: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'for the event' })),
  binary_media_types: Type.Optional(
    Type.Array(Type.String({ pattern: '^[^/\\s]+/[^/\\s]+$' }), {
      default: [],
      description: '`rest-1.0`: bodies of these types are base64; `image/*` and `*/*` are possible',
    }),
  ),
  multi_value_headers: Type.Optional(
    Type.Boolean({ default: false, description: '`alb`: all values of a header or parameter instead of the last' }),
  ),
} as const

export const FunctionCallSettings = Type.Object(functionCallFields, strict)
export type FunctionCallSettings = Static<typeof FunctionCallSettings>
