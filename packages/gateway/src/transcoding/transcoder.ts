import type { DescMessage, DescMethod, DescService, FileRegistry } from '@bufbuild/protobuf'
import { DEFAULT_MAX_MESSAGE_BYTES } from '../grpc/message-reader.ts'
import { type GrpcFailure, GrpcStatus } from '../grpc/status.ts'
import type { Binding } from './http-rules/binding.ts'
import { RuleTable } from './http-rules/rule-table.ts'
import { encodeRequest } from './request/encode-request.ts'
import type { RequestBody } from './request/request-body.ts'
import { canonicalStyle, type JsonStyle } from './response/json-style.ts'
import {
  errorResponse,
  type ResponseOptions,
  StreamResponse,
  type StreamFormat,
  UnaryResponse,
  type WholeResponse,
} from './response/response-transcoder.ts'
import { type CallStatus, statusJson, statusJsonAsApisix } from './response/status-json.ts'

export interface TranscoderOptions {
  readonly registry: FileRegistry
  /** Whose HTTP rules count; left out: those of all services in the registry. */
  readonly services?: readonly DescService[]
  /** Every request calls this one; undefined: HTTP rules decide. */
  readonly method?: DescMethod | undefined
  /** Left out: canonical JSON. */
  readonly style?: JsonStyle
  readonly ignoreUnknown?: boolean
  readonly ignoredParameters?: ReadonlySet<string>
  readonly maxMessageBytes?: number
  /** Errors as APISIX writes them, details decoded as `detailType`. */
  readonly apisixErrors?: boolean
  readonly detailType?: DescMessage | undefined
}

/** A request of which it is known what it calls. */
export interface RoutedCall {
  readonly binding: Binding
  readonly segments: readonly string[]
  readonly query: string
  /** `/package.Service/Method` */
  readonly grpcPath: string
}

/** No rule for this path; or for this method, and then which ones there are. */
export interface NotRouted {
  readonly allowed: readonly string[]
}

/** HTTP with JSON on one side, gRPC on the other, for the services of one registry. Knows no sockets and no sessions. */
export class Transcoder {
  readonly rules: RuleTable | undefined
  private readonly fixed: RoutedCall | undefined
  private readonly options: Required<Omit<TranscoderOptions, 'method' | 'services' | 'detailType'>> &
    Pick<TranscoderOptions, 'detailType'>

  constructor(options: TranscoderOptions) {
    const { registry, method } = options
    this.options = {
      registry,
      style: options.style ?? canonicalStyle(registry),
      ignoreUnknown: options.ignoreUnknown ?? false,
      ignoredParameters: options.ignoredParameters ?? new Set(),
      maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
      apisixErrors: options.apisixErrors ?? false,
      detailType: options.detailType,
    }
    this.fixed = method === undefined ? undefined : routed(fixedBinding(method), [], '')
    const services = options.services ?? [...registry].filter((desc) => desc.kind === 'service')
    this.rules = method === undefined ? new RuleTable(services) : undefined
  }

  /** What a request calls. `target`: path and query as sent. */
  route(httpMethod: string, target: string): RoutedCall | NotRouted {
    const mark = target.indexOf('?')
    const path = mark < 0 ? target : target.slice(0, mark)
    const query = mark < 0 ? '' : target.slice(mark + 1)
    if (this.fixed !== undefined) return { ...this.fixed, query }
    const match = (this.rules as RuleTable).match(httpMethod, path)
    return 'value' in match ? routed(match.value, match.segments, query) : match
  }

  /** The gRPC body of a request: its messages with their prefixes. */
  encodeRequest(call: RoutedCall, body: RequestBody): Buffer | GrpcFailure {
    const { registry, ignoreUnknown, ignoredParameters } = this.options
    return encodeRequest({ ...call, body }, { registry, ignoreUnknown, ignoredParameters })
  }

  unaryResponse(binding: Binding, encoding: string | undefined): UnaryResponse {
    return new UnaryResponse(this.responseOptions(binding, encoding))
  }

  streamResponse(binding: Binding, encoding: string | undefined, format: StreamFormat): StreamResponse {
    return new StreamResponse(this.responseOptions(binding, encoding), format)
  }

  /** The response for a call that failed. */
  errorResponse(status: CallStatus): WholeResponse {
    return errorResponse(status, { errorBody: this.errorBody })
  }

  /** The response for a request that no rule is for: 404, or 405 when another method would do. */
  notRoutedResponse({ allowed }: NotRouted): WholeResponse {
    if (allowed.length === 0) return this.errorResponse(status(GrpcStatus.NOT_FOUND, 'no method is bound to this path'))
    const message = `this path is bound to ${allowed.join(', ')}`
    return { ...this.errorResponse(status(GrpcStatus.UNIMPLEMENTED, message)), httpStatus: 405 }
  }

  private responseOptions(binding: Binding, encoding: string | undefined): ResponseOptions {
    const { style, maxMessageBytes } = this.options
    return { binding, style, maxMessageBytes, encoding, errorBody: this.errorBody }
  }

  private readonly errorBody = (status: CallStatus): object => {
    const { apisixErrors, detailType, style } = this.options
    return apisixErrors ? statusJsonAsApisix(status, detailType, style) : statusJson(status, style)
  }
}

const status = (code: number, message: string): CallStatus => ({ code, message, details: undefined })

const routed = (binding: Binding, segments: readonly string[], query: string): RoutedCall => ({
  binding,
  segments,
  query,
  grpcPath: grpcPathOf(binding.method),
})

/** The path of a method on the wire. */
const grpcPathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`

/** A method that is called whatever the path is: the body is its message, or the query where there is none. */
const fixedBinding = (method: DescMethod): Binding => ({
  method,
  httpMethod: '*',
  template: { segments: [], verb: '', variables: [] },
  variables: [],
  body: '*',
  responseBody: undefined,
  takesQuery: true,
})
