/**
 * REST with JSON in front of a gRPC service: requests become calls, their messages and errors JSON.
 *
 * ```yaml
 * protos:
 *   - id: greeter
 *     content: |
 *       syntax = "proto3";
 *       package helloworld;
 *       import "google/api/annotations.proto";
 *       service Greeter {
 *         rpc SayHello(HelloRequest) returns (HelloReply) {
 *           option (google.api.http).get = "/v1/hello/{name}";
 *         }
 *       }
 *       message HelloRequest { string name = 1; }
 *       message HelloReply { string message = 1; }
 * upstreams:
 *   - { id: greeter, scheme: grpc, nodes: { "127.0.0.1:50051": 1 } }
 * routes:
 *   - uri: /v1/*
 *     upstream_id: greeter
 *     plugins: { grpc-transcode: { proto_id: greeter } }
 * ```
 *
 * ```sh
 * # with: grpc-greeter at 127.0.0.1:50051
 * curl -i http://127.0.0.1:8080/v1/hello/world          # 200, body: {"message":"Hello world"}
 * curl -i http://127.0.0.1:8080/v1/other                # 404
 * ```
 *
 * `GET /v1/hello/world` is answered `{"message":"Hello world"}`.
 *
 * **Which method is called** say the `google.api.http` annotations: paths with variables, query parameters, `body`,
 * `response_body`, `additional_bindings`. A method without one is called by POST to `/package.Service/Method`. With `service`
 * and `method`, as in APISIX, every request of the route calls that method, with the JSON body, form or query as its message.
 * Paths are those that `proxy-rewrite` made. With `reflection` the upstream itself is asked for its types.
 *
 * **JSON** is canonical ProtoJSON: `userName` for `user_name` (both are read), 64-bit integers as text, enums by name, bytes as
 * base64, times as text, fields with default values left out. `pb_option` and `field_names` change that.
 *
 * **Streams**: responses leave as lines of JSON (`application/x-ndjson`), or as server-sent events if the client accepts
 * `text/event-stream`. Requests are a JSON array or lines, read whole before the call. An error at the end of a stream is
 * its last line, `{"error": …}`, or an event named `error`.
 *
 * **Errors** have the HTTP status that fits (5 NOT_FOUND is 404), and `{"code":5,"message":"…","details":[…]}` as their body, with
 * details decoded where their type is in the proto or in google/rpc/error_details.proto.
 *
 * What the client sent as headers goes to the service as metadata. A request that is gRPC already passes untouched; so does
 * an answer of the upstream that is not gRPC. `google.api.HttpBody` is a body that is not JSON, in both directions.
 *
 * More in [REST in front of gRPC](../grpc-transcoding.md). Costs about 5 µs for a small message there and back, the memory of both
 * bodies, and 4 MB in each worker while it is configured.
 */
import type { FileRegistry } from '@bufbuild/protobuf'
import type { Proto } from '../resources/proto.ts'
import { needsOneOf, notBoth } from '../resources/constraints.ts'
import { Id } from '../resources/metadata.ts'
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { registryOfText } from '../transcoding/descriptors/descriptor-text.ts'
import { checkPbOptions, PB_OPTIONS, styleOf } from '../transcoding/pb-options.ts'
import { UpstreamTypes } from '../transcoding/reflection/upstream-types.ts'
import type { WholeResponse } from '../transcoding/response/response-transcoder.ts'
import { TranscodedExchange } from '../transcoding/transcoded-exchange.ts'
import { type RoutedCall, Transcoder } from '../transcoding/transcoder.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const schema = Type.Object(
  {
    proto_id: Type.Optional(Id),
    reflection: Type.Optional(
      Type.Boolean({ description: 'true: the types come from the upstream, by gRPC server reflection' }),
    ),
    service: Type.Optional(
      Type.String({ minLength: 1, description: 'a service as `package.Service`; alone: only its HTTP rules count' }),
    ),
    method: Type.Optional(
      Type.String({ minLength: 1, description: 'the method of it that every request calls, whatever its path' }),
    ),
    deadline: defaulted(
      Type.Number({ minimum: 0, maximum: 99_999_999, default: 0, description: 'milliseconds a call may take; 0: any' }),
    ),
    pb_option: Type.Optional(
      Type.Array(Type.Enum([...PB_OPTIONS]), {
        minItems: 1,
        description: 'how JSON is written, as in APISIX; left out: canonical JSON',
      }),
    ),
    field_names: defaulted(
      Type.Enum(['json', 'proto'], {
        default: 'json',
        description: '`json`: userName. `proto`: user_name, which APISIX writes',
      }),
    ),
    show_status_in_body: defaulted(
      Type.Boolean({ default: false, description: 'errors as in APISIX, `{"error":{"code":5,…}}`' }),
    ),
    status_detail_type: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'with `show_status_in_body`: the message type of all details, written without its `@type`',
      }),
    ),
    ignore_unknown_fields: defaulted(
      Type.Boolean({
        default: false,
        description: 'leave out what names no field, in body and query, instead of refusing it',
      }),
    ),
    ignored_query_parameters: defaulted(
      Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        description: 'query parameters that are not for the service, as an API key',
      }),
    ),
    max_req_body_size: defaulted(
      Type.Integer({
        minimum: 1,
        default: 4_194_304,
        description: 'bytes of a request body; more is refused with a 413',
      }),
    ),
    max_resp_body_size: defaulted(
      Type.Integer({
        minimum: 1,
        default: 67_108_864,
        description: 'bytes of a response message, and of the JSON that is made of it; more is a 502',
      }),
    ),
  },
  {
    additionalProperties: false,
    allOf: [
      needsOneOf('"grpc-transcode"', ['proto_id', 'reflection']),
      notBoth('"grpc-transcode"', 'proto_id', 'reflection'),
    ],
  },
)

type Config = Static<typeof schema>

const NAME = 'grpc-transcode'

export default definePlugin({
  name: NAME,
  priority: 506,
  placeless: true,
  // What one of two made a call is no JSON for the other.
  runPolicy: 'prefer_route',
  schema,
  check(config) {
    const { reflection, method, service, pb_option: options } = config
    if (reflection === false) return { path: '/reflection', message: 'must be true, if there is no "proto_id"' }
    if (method !== undefined && service === undefined) {
      return { path: '/method', message: 'is there without "service"; add it' }
    }
    const contradiction = options === undefined ? undefined : checkPbOptions(options)
    return contradiction === undefined ? undefined : { path: '/pb_option', message: contradiction }
  },
  create(config, { proto }) {
    const fixed =
      config.proto_id === undefined ? undefined : transcoderOf(config, registryOfProto(proto(String(config.proto_id))))
    const upstreamTypes =
      config.proto_id === undefined ? new UpstreamTypes((registry) => transcoderOf(config, registry)) : undefined

    async function call(session: GatewaySession): Promise<void> {
      const { ctx, request } = session
      const { method, target } = {
        method: ctx.upstreamMethod ?? request.method,
        target: ctx.upstreamTarget ?? request.target,
      }
      const transcoder =
        fixed ?? (await upstreamTypes?.transcoderFor(session, (known) => isRouted(known, method, target)))
      if (transcoder === undefined || session.finishedAt !== 0) return
      const routed = transcoder.route(method, target)
      if ('allowed' in routed) {
        const allow = routed.allowed.length === 0 ? {} : { Allow: routed.allowed.join(', ') }
        respond(session, transcoder.notRoutedResponse(routed), allow)
        return
      }
      const bytes = await session.readBody(config.max_req_body_size)
      const contentType = request.headers.get('content-type') ?? ''
      const encoding = request.headers.get('content-encoding')?.toLowerCase() ?? 'identity'
      if (encoding !== 'identity' && bytes.length > 0) {
        const message = `the body is compressed (${encoding}), which is not supported here`
        respond(session, { ...transcoder.errorResponse({ code: 3, message, details: undefined }), httpStatus: 415 })
        return
      }
      const body = transcoder.encodeRequest(routed, { contentType, bytes })
      if (!Buffer.isBuffer(body)) {
        respond(session, transcoder.errorResponse({ code: body.status, message: body.message, details: undefined }))
        return
      }
      const accept = request.headers.get('accept') ?? ''
      ctx.setState(NAME, new TranscodedExchange(transcoder, routed, accept, config.max_resp_body_size))
      rewrite(session, routed, body, config.deadline)
    }

    return {
      access(session) {
        const type = session.request.headers.get('content-type')
        return type !== undefined && IS_GRPC.test(type) ? undefined : call(session)
      },
      headerFilter(session) {
        if (session.responseSource === 'upstream') session.ctx.getState<TranscodedExchange>(NAME)?.head(session)
      },
      bodyFilter(session, chunk, end) {
        if (session.responseSource !== 'upstream') return undefined
        return session.ctx.getState<TranscodedExchange>(NAME)?.body(session, chunk, end)
      },
    }
  },
})

/** gRPC, and gRPC-Web as well. */
const IS_GRPC = /^application\/grpc/i

const registries = new WeakMap<Proto, FileRegistry>()

/** Made once for each proto, however many routes use it. */
function registryOfProto(proto: Proto | undefined): FileRegistry {
  if (proto?.descriptors === undefined) throw new Error('the proto of grpc-transcode is not there')
  let registry = registries.get(proto)
  if (registry === undefined) registries.set(proto, (registry = registryOfText(proto.descriptors)))
  return registry
}

function transcoderOf(config: Config, registry: FileRegistry): Transcoder {
  const service = config.service === undefined ? undefined : registry.getService(config.service)
  const method = service?.methods.find(({ name }) => name === config.method)
  if (
    (config.service !== undefined && service === undefined) ||
    (config.method !== undefined && method === undefined)
  ) {
    throw new Error(`the types have no ${config.service}.${config.method ?? '*'}`)
  }
  const { status_detail_type: detailType } = config
  return new Transcoder({
    registry,
    method,
    ...(service === undefined ? {} : { services: [service] }),
    style: { ...styleOf(registry, config.pb_option), protoFieldNames: config.field_names === 'proto' },
    ignoreUnknown: config.ignore_unknown_fields,
    ignoredParameters: new Set(config.ignored_query_parameters),
    maxMessageBytes: config.max_resp_body_size,
    apisixErrors: config.show_status_in_body,
    detailType: detailType === undefined ? undefined : registry.getMessage(detailType),
  })
}

const isRouted = (transcoder: Transcoder, method: string, target: string): boolean =>
  'binding' in transcoder.route(method, target)

function respond(session: GatewaySession, response: WholeResponse, more: Record<string, string> = {}): void {
  session.respond(response.httpStatus, response.bytes, { 'Content-Type': response.contentType, ...more })
}

/** Makes the request a call. */
function rewrite(session: GatewaySession, { grpcPath }: RoutedCall, body: Buffer, deadlineMs: number): void {
  const { ctx } = session
  ctx.upstreamFields = FIELDS
  if (deadlineMs > 0) {
    session.limitTime(deadlineMs)
    ctx.upstreamFields = { ...FIELDS, 'grpc-timeout': `${Math.ceil(deadlineMs)}m` }
  }
  ctx.upstreamMethod = 'POST'
  ctx.upstreamTarget = grpcPath
  session.replaceBody(body)
}

/**
 * What a call has, and what was true of the body that the client sent, or how it wanted the answer: gRPC has fields of its own for
 * that.
 */
const FIELDS: Readonly<Record<string, string | undefined>> = {
  'Content-Type': 'application/grpc',
  TE: 'trailers',
  'grpc-accept-encoding': 'identity, deflate, gzip',
  'grpc-encoding': undefined,
  'accept-encoding': undefined,
  'content-encoding': undefined,
  range: undefined,
  'if-none-match': undefined,
  'if-modified-since': undefined,
}
