import { fromJson, type JsonObject, type JsonValue, type Registry, toBinary } from '@bufbuild/protobuf'
import { frameMessage } from '../../grpc/message-reader.ts'
import { type GrpcFailure, GrpcStatus } from '../../grpc/status.ts'
import type { Binding } from '../http-rules/binding.ts'
import { resolveFieldPath, takesText } from '../http-rules/field-path.ts'
import { decodeSegment, decodeSegments, REST_END } from '../http-rules/path-template.ts'
import { placeValue } from './message-json.ts'
import { type Parameter, parseQuery } from './query.ts'
import { isFailure, isForm, readBody, type RequestBody, utf8Text } from './request-body.ts'
import { textValue } from './text-value.ts'

/** What of a request goes into its messages. */
export interface RequestParts {
  readonly binding: Binding
  /** The segments of the path that the template matched. */
  readonly segments: readonly string[]
  /** Without the question mark. */
  readonly query: string
  readonly body: RequestBody
}

export interface EncodeOptions {
  readonly registry: Registry
  /** What names no field is left out instead of refused. */
  readonly ignoreUnknown: boolean
  /** Query parameters that are for others: keys, signatures. */
  readonly ignoredParameters: ReadonlySet<string>
}

const invalid = (message: string): GrpcFailure => ({ status: GrpcStatus.INVALID_ARGUMENT, message })

/**
 * The messages of a request, each with its prefix, ready to be sent: one, unless the method takes a stream. Of a stream,
 * the first message gets what path and query say.
 */
export function encodeRequest(parts: RequestParts, options: EncodeOptions): Buffer | GrpcFailure {
  const values = requestValues(parts, options)
  if (isFailure(values)) return values
  const { input } = parts.binding.method
  const framed: Buffer[] = []
  for (const value of values) {
    try {
      const { registry, ignoreUnknown } = options
      const message = fromJson(input, value, { registry, ignoreUnknownFields: ignoreUnknown })
      framed.push(frameMessage(toBinary(input, message)))
    } catch (error) {
      return invalid(error instanceof Error ? error.message : String(error))
    }
  }
  return framed.length === 1 ? framed[0] : Buffer.concat(framed)
}

function requestValues(parts: RequestParts, options: EncodeOptions): JsonValue[] | GrpcFailure {
  const { binding } = parts
  const many = binding.method.methodKind === 'client_streaming' || binding.method.methodKind === 'bidi_streaming'
  const form = binding.body === '*' && binding.takesQuery && isForm(parts.body)
  const messages = form ? [] : bodyMessages(parts, many)
  if (isFailure(messages)) return messages
  const all = parseQuery(form ? (utf8Text(parts.body.bytes) ?? '%') : parts.query)
  if (all === undefined) return invalid(`the ${form ? 'form' : 'query'} is not percent-encoded UTF-8`)
  const parameters = all.filter(([name]) => !options.ignoredParameters.has(name))
  const filled = queryThatFills(binding, parameters, messages.length > 0, options)
  if (isFailure(filled)) return filled
  if (binding.variables.length === 0 && filled.length === 0) return messages.length > 0 || many ? messages : [{}]
  const first = messages[0] ?? {}
  if (first === null || typeof first !== 'object' || Array.isArray(first)) return invalid('the body is not an object')
  const failure = placeQuery(first, filled, binding, options) ?? placeVariables(first, parts)
  return failure ?? [first, ...messages.slice(1)]
}

/** The messages as far as the body gives them. */
function bodyMessages({ binding, body }: RequestParts, many: boolean): JsonValue[] | GrpcFailure {
  const target = binding.body
  if (target === undefined) return []
  if (target === '*') return readBody(body, binding.method.input, many)
  const values = readBody(body, target.message, many)
  return isFailure(values) ? values : values.map((value) => ({ [target.jsonName]: value }))
}

/** The parameters that name fields. Where the whole message is the body, none does. */
function queryThatFills(
  { body, takesQuery }: Binding,
  parameters: readonly Parameter[],
  hasBody: boolean,
  { ignoreUnknown }: EncodeOptions,
): readonly Parameter[] | GrpcFailure {
  if (takesQuery) {
    // A method that the configuration names takes a body or a query, as in APISIX.
    return body === '*' && hasBody ? [] : parameters
  }
  if (ignoreUnknown || parameters.length === 0) return []
  return invalid(`query parameter "${parameters[0][0]}": the body is the whole message, the query fills nothing`)
}

function placeVariables(message: JsonObject, { binding, segments }: RequestParts): GrpcFailure | undefined {
  for (const [index, path] of binding.variables.entries()) {
    const { start, end, isMultiSegment, fieldPath } = binding.template.variables[index]
    const taken = segments.slice(start, end === REST_END ? undefined : end).join('/')
    const text = isMultiSegment ? decodeSegments(taken) : decodeSegment(taken)
    if (text === undefined)
      return invalid(`the path is not percent-encoded UTF-8 where it gives "${fieldPath.join('.')}"`)
    const wrong = placeValue(message, path, textValue(path[path.length - 1], text), 'replace')
    if (wrong !== undefined) return invalid(wrong)
  }
  return undefined
}

function placeQuery(
  message: JsonObject,
  parameters: readonly Parameter[],
  binding: Binding,
  { ignoreUnknown }: EncodeOptions,
): GrpcFailure | undefined {
  for (const [name, text] of parameters) {
    const path = resolveFieldPath(binding.method.input, name.split('.'))
    if (typeof path === 'string') {
      if (ignoreUnknown) continue
      return invalid(`query parameter "${name}": ${path}`)
    }
    const last = path[path.length - 1]
    const wrong =
      path[0] === binding.body
        ? 'is a part of the body'
        : binding.variables.some((variable) => samePath(variable, path))
          ? 'is given by the path'
          : !takesText(last)
            ? 'is not a value; name a field of it'
            : placeValue(message, path, textValue(last, text), 'refuse')
    if (wrong !== undefined) return invalid(`query parameter "${name}" ${wrong}`)
  }
  return undefined
}

const samePath = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((field, index) => field === b[index])
