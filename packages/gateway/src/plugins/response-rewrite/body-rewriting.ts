import type { BodyFilters } from './body-filters.ts'
import type { ContentDecoder } from '../compression/content-decoding.ts'

/** What becomes of one response body: see `bodyFilter` of plugins. */
export interface BodyRewriting {
  filter(chunk: Uint8Array, end: boolean): Uint8Array | undefined
}

const NOTHING = new Uint8Array(0)

/** Another body takes the place of each. Holds nothing of a request, so one serves them all. */
export class ReplacedBody implements BodyRewriting {
  private readonly body: Uint8Array

  constructor(body: Uint8Array) {
    this.body = body
  }

  filter(_chunk: Uint8Array, end: boolean): Uint8Array {
    return end ? this.body : NOTHING
  }
}

export interface FilteredBodyOptions {
  readonly filters: BodyFilters
  /** Bytes that are held back at most, and that a body may have when it is decompressed. */
  readonly maxBytes: number
  /** null: the body is not encoded. */
  readonly decoder: ContentDecoder | null
  /** Told when the rest of a body leaves unfiltered. */
  readonly onTooLarge: () => void
}

/** One body, held back until it is whole. */
export class FilteredBody implements BodyRewriting {
  private readonly options: FilteredBodyOptions
  private chunks: Buffer[] = []
  private size = 0
  private passing = false

  constructor(options: FilteredBodyOptions) {
    this.options = options
  }

  /** Throws, which breaks the response off, where nothing right can be sent. */
  filter(chunk: Uint8Array, end: boolean): Uint8Array | undefined {
    if (this.passing) return undefined
    if (this.size + chunk.length > this.options.maxBytes) return this.passOn(chunk)
    if (end) return this.rewritten(this.joined(chunk))
    this.chunks.push(Buffer.from(chunk))
    this.size += chunk.length
    return NOTHING
  }

  private rewritten(body: Uint8Array): Uint8Array {
    const { filters, decoder, maxBytes } = this.options
    if (body.length === 0) return body
    return filters.apply(decoder === null ? body : decoded(decoder, body, maxBytes))
  }

  /** The limit is met in this chunk: filters what fits, and lets go of the rest. */
  private passOn(chunk: Uint8Array): Uint8Array {
    const { filters, decoder, maxBytes, onTooLarge } = this.options
    if (decoder !== null) {
      throw new Error(
        `a compressed body is larger than max_resp_body_size (${maxBytes} bytes) and cannot be filtered in part`,
      )
    }
    const body = this.joined(chunk)
    const cut = characterBoundary(body, maxBytes)
    onTooLarge()
    this.passing = true
    this.chunks = []
    return Buffer.concat([filters.apply(body.subarray(0, cut)), body.subarray(cut)])
  }

  private joined(chunk: Uint8Array): Uint8Array {
    return this.chunks.length === 0 ? chunk : Buffer.concat([...this.chunks, chunk])
  }
}

/** Back from the middle of a UTF-8 character to its first byte, so that the part before is still UTF-8. */
function characterBoundary(bytes: Uint8Array, at: number): number {
  // A character has three continuation bytes (10xxxxxx) at most.
  for (let start = at; start > at - 4 && start > 0; start--) if ((bytes[start] & 0xc0) !== 0x80) return start
  return at
}

function decoded(decoder: ContentDecoder, body: Uint8Array, maxBytes: number): Buffer {
  try {
    return decoder(body, maxBytes)
  } catch (cause) {
    const isTooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    const reason = isTooLarge
      ? `a compressed body is larger than max_resp_body_size (${maxBytes} bytes) when it is decompressed`
      : 'a compressed body is damaged'
    throw new Error(reason, { cause })
  }
}
