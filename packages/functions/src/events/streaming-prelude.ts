import { addCookies } from './http-2.0.ts'
import { addField, fieldsOf, hasField, MalformedAnswer, statusOf } from './http-answer.ts'

/** The content type by which a function says that its stream begins with a prelude. */
export const HTTP_INTEGRATION_TYPE = 'application/vnd.awslambda.http-integration-response'

/** Status and headers of a streamed answer. */
export interface StreamedHead {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
}

/** Between the prelude and the body; JSON has none of these bytes. */
const SEPARATOR = Buffer.alloc(8)
/** Headers of an answer have at most 10 KB. */
const MAX_PRELUDE_BYTES = 65_536

/**
 * Takes the prelude off a stream: `{"statusCode":200,"headers":{},"cookies":[]}`, eight NUL bytes, the body. Pieces may be cut anywhere.
 */
export class StreamingPrelude {
  private held: Buffer = Buffer.alloc(0)

  /** @returns undefined: more is needed. `rest` is where the body begins; no more must be pushed */
  push(chunk: Uint8Array): { readonly head: StreamedHead; readonly rest: Buffer } | MalformedAnswer | undefined {
    const searched = Math.max(0, this.held.length - SEPARATOR.length + 1)
    this.held = this.held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.held, chunk])
    const end = this.held.indexOf(SEPARATOR, searched)
    if (end > MAX_PRELUDE_BYTES || (end < 0 && this.held.length > MAX_PRELUDE_BYTES + SEPARATOR.length)) {
      return new MalformedAnswer(`the prelude is longer than ${MAX_PRELUDE_BYTES} bytes`)
    }
    if (end < 0) return undefined
    const head = parsePrelude(this.held.toString('utf8', 0, end))
    if (head instanceof MalformedAnswer) return head
    return { head, rest: this.held.subarray(end + SEPARATOR.length) }
  }
}

function parsePrelude(text: string): StreamedHead | MalformedAnswer {
  let prelude: unknown
  try {
    prelude = JSON.parse(text)
  } catch {
    return new MalformedAnswer('the prelude is no JSON')
  }
  if (typeof prelude !== 'object' || prelude === null || Array.isArray(prelude)) {
    return new MalformedAnswer('the prelude is no object')
  }
  const { statusCode = 200, headers, multiValueHeaders, cookies } = prelude as Record<string, unknown>
  const status = statusOf(statusCode)
  if (status === undefined) return new MalformedAnswer(`${JSON.stringify(statusCode)} is no status`)
  const fields = fieldsOf(headers)
  if (typeof fields === 'string') return new MalformedAnswer(fields)
  const problem = addMultiValues(fields, multiValueHeaders) ?? addCookies(fields, cookies)
  if (problem !== undefined) return new MalformedAnswer(problem)
  if (!hasField(fields, 'content-type')) fields.push(['Content-Type', 'application/octet-stream'])
  return { status, headers: fields }
}

function addMultiValues(fields: [string, string][], headers: unknown): string | undefined {
  if (headers === undefined || headers === null) return undefined
  if (typeof headers !== 'object') return 'multiValueHeaders is no object'
  for (const [name, values] of Object.entries(headers)) {
    if (!Array.isArray(values)) return `multiValueHeaders.${name} is no list`
    for (const value of values as unknown[]) {
      const problem = typeof value === 'string' ? addField(fields, name, value) : `a value of header ${name} is no text`
      if (problem !== undefined) return problem
    }
  }
  return undefined
}
