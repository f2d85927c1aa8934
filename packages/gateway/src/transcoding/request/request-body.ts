import type { DescMessage, JsonValue } from '@bufbuild/protobuf'
import { type GrpcFailure, GrpcStatus } from '../../grpc/status.ts'
import { withExactIntegers } from './exact-integers.ts'

/** A request body and what it says it is. */
export interface RequestBody {
  /** As sent; '' when there is none. */
  readonly contentType: string
  readonly bytes: Uint8Array
}

const invalid = (message: string): GrpcFailure => ({ status: GrpcStatus.INVALID_ARGUMENT, message })
export const isFailure = (value: object): value is GrpcFailure => 'status' in value && 'message' in value

/** google.api.HttpBody: a body that stays as it is. */
export const isHttpBody = (message: DescMessage | undefined): boolean => message?.typeName === 'google.api.HttpBody'

const mediaType = (contentType: string): string => contentType.split(';', 1)[0].trim().toLowerCase()

const isJsonType = (media: string): boolean =>
  media === '' || media === 'application/json' || media.endsWith('+json') || media === 'text/json'

const LINES = new Set(['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonlines'])

export const isForm = ({ contentType }: RequestBody): boolean =>
  mediaType(contentType) === 'application/x-www-form-urlencoded'

/** Bytes as text; undefined for what is not UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/** The JSON values of a body, each for one message; one at most unless `many`. */
export function readBody(body: RequestBody, target: DescMessage | undefined, many: boolean): JsonValue[] | GrpcFailure {
  const { bytes, contentType } = body
  if (isHttpBody(target)) return [{ contentType, data: Buffer.from(bytes).toString('base64') }]
  if (bytes.length === 0) return []
  const media = mediaType(contentType)
  const inLines = many && LINES.has(media)
  if (!isJsonType(media) && !inLines) return invalid(`a body of type ${media} is not JSON`)
  const text = utf8Text(bytes)
  if (text === undefined) return invalid('the body is not UTF-8')
  if (!many) return parseAll([text], target)
  if (!inLines && text.trimStart().startsWith('[')) {
    const list = parseAll([text], target)
    return isFailure(list) ? list : (list[0] as JsonValue[])
  }
  // A line at a time also without saying so: a single object is a stream of one.
  return parseAll(
    text.split('\n').filter((line) => line.trim() !== ''),
    target,
  )
}

function parseAll(texts: readonly string[], target: DescMessage | undefined): JsonValue[] | GrpcFailure {
  const values: JsonValue[] = []
  for (const text of texts) {
    try {
      values.push(JSON.parse(withExactIntegers(text, target)) as JsonValue)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return invalid(`the body is not JSON: ${reason}`)
    }
  }
  return values
}
