import type { RequestContext } from '../../request-context.ts'
import type { PluginContext } from '../context.ts'
import type { ContentDecoder } from '../compression/content-decoding.ts'
import { LuaTemplate } from '../lua-template/lua-template.ts'
import { LuaError } from '../lua-template/lua-values.ts'
import { TemplateError } from '../lua-template/template-error.ts'
import { decodeInput, formatOf, type InputFormat } from './input.ts'

export interface WrittenTransformation {
  readonly input_format?: InputFormat
  readonly template: string
  readonly template_is_base64?: boolean
}

/** The new body, or the status and message of the failure. */
export type Transformed = string | { readonly status: number; readonly message: string }

export interface BodyFacts {
  /** null: the body is not encoded. */
  readonly decoder: ContentDecoder | null
  readonly contentType: string | undefined
  readonly query: string
  /** Counts in place of what is configured. */
  readonly format: InputFormat | undefined
}

/** @throws TemplateError */
export function compileTemplate({ template, template_is_base64: isBase64 }: WrittenTransformation): LuaTemplate {
  const decoded = isBase64 === false ? undefined : fromBase64(template)
  if (isBase64 === true && decoded === undefined)
    throw new TemplateError(template, 0, 'is not base64 of UTF-8 text (RFC 4648 section 4)')
  return new LuaTemplate(decoded ?? template)
}

/** Text of four letters and more, all of base64, is taken for it, as in APISIX: no template with a `{` is. */
function fromBase64(text: string): string | undefined {
  const compact = text.replace(/\s+/g, '')
  if (compact.length < 4) return undefined
  const bytes = Buffer.from(compact, 'base64')
  if (bytes.toString('base64') !== compact) return undefined
  const decoded = bytes.toString()
  return Buffer.from(decoded).equals(bytes) ? decoded : undefined
}

/** A template with how its input is read: of all requests, or of all responses, of one place. */
export class BodyTransformation {
  private readonly of: 'request' | 'response'
  private readonly template: LuaTemplate
  private readonly format: InputFormat | undefined
  private readonly maxBytes: number
  private readonly context: Pick<PluginContext, 'logger' | 'scope'>
  private failing = false

  constructor(
    of: 'request' | 'response',
    written: WrittenTransformation,
    maxBytes: number,
    context: Pick<PluginContext, 'logger' | 'scope'>,
  ) {
    this.of = of
    this.template = compileTemplate(written)
    this.format = written.input_format
    this.maxBytes = maxBytes
    this.context = context
  }

  apply(ctx: RequestContext, bytes: Uint8Array | undefined, facts: BodyFacts): Transformed {
    let body: string | undefined
    try {
      body = bytes && textOf(facts.decoder === null ? bytes : facts.decoder(bytes, this.maxBytes))
    } catch {
      return this.failed(400, 'cannot be decompressed, or is too large then')
    }
    const format = facts.format ?? this.format ?? formatOf(facts.contentType)
    let input: unknown = {}
    if (format !== undefined && (body !== undefined || format === 'args')) {
      const decoded = decodeInput(format, body ?? '', facts.contentType, facts.query)
      if ('problem' in decoded) return this.failed(400, decoded.problem)
      input = decoded.value
    }
    try {
      const text = this.template.render(input, body, ctx, this.maxBytes)
      this.failing = false
      return text
    } catch (error) {
      // A RangeError: a text that JavaScript cannot hold, or too many values within each other.
      if (!(error instanceof LuaError || error instanceof RangeError)) throw error
      return this.failed(503, 'does not go with the template', error.message)
    }
  }

  /** Told to the log when it begins: whoever sends bodies could fill it otherwise. */
  private failed(status: number, problem: string, detail?: string): Transformed {
    const { logger, scope } = this.context
    if (!this.failing) {
      const fields = { place: scope, problem: detail ?? problem }
      logger.warn(
        fields,
        `a ${this.of} body could not be transformed; those that follow are not told of until one could`,
      )
    }
    this.failing = true
    return { status, message: `${this.of} body ${problem}` }
  }
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
