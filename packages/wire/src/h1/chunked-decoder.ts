import { Headers } from '../headers/headers.ts'
import { FIELD_VALUE, TOKEN } from '../headers/characters.ts'
import { latin1Text } from '../sockets/latin1.ts'
import { FieldScan } from './field-scan.ts'
import type { RefusalCode } from '../streams/refusal.ts'

const SIZE = 0
const EXTENSION = 1
const SIZE_LF = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILER = 6
const DONE = 7

/** Where an extension stands: `;name`, `;name=token` or `;name="quoted \\" text"`. */
const NAME_START = 0
const NAME = 1
const VALUE_START = 2
const VALUE = 3
const QUOTED = 4
const ESCAPED = 5
const QUOTE_END = 6

/** 13 hexadecimal digits are 52 bits: every such size is an exact number. */
const MAX_SIZE_DIGITS = 13
/** Extensions mean nothing to anybody; a megabyte of them is an attack (CVE-2023-39326). */
const MAX_EXTENSION_BYTES = 1_024
const MAX_TRAILER_FIELDS = 64

/** Where decoded bytes go. The chunk is only valid during the call. */
export interface ChunkSink {
  onChunk(chunk: Uint8Array): void
}

/**
 * Chunked transfer coding, RFC 9112 section 7.1, byte for byte and strict: CRLF only, sizes without sign or blanks, extensions
 * checked and dropped. Trailer fields are collected up to a limit and checked as head fields are.
 */
export class ChunkedDecoder {
  private state = SIZE
  /** The trailer section: `Name: value\r\n` lines, or the empty string. */
  trailers = ''
  #remaining = 0
  #digits = 0
  #extension = NAME_START
  #extensionBytes = 0
  #maxTrailerBytes: number

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes
  }

  get done(): boolean {
    return this.state === DONE
  }

  /**
   * Decodes `bytes[at, end)` and stops behind the last byte of the body.
   * @returns the position reached, or why the body is refused
   */
  decode(bytes: Uint8Array, at: number, end: number, sink: ChunkSink): number | RefusalCode {
    while (at < end) {
      if (this.state === DATA) {
        const stop = Math.min(end, at + this.#remaining)
        this.#remaining -= stop - at
        sink.onChunk(bytes.subarray(at, stop))
        at = stop
        if (this.#remaining === 0) this.state = DATA_CR
        continue
      }
      if (this.state === TRAILER) {
        const result = this.#readTrailer(bytes, at, end)
        if (typeof result === 'string' || this.done) return result
        at = result
        continue
      }
      const problem = this.#step(bytes[at++])
      if (problem !== undefined) return problem
    }
    return at
  }

  #step(byte: number): RefusalCode | undefined {
    switch (this.state) {
      case SIZE: {
        const digit = hexDigit(byte)
        if (digit >= 0) {
          if (++this.#digits > MAX_SIZE_DIGITS) return 'CHUNK_SIZE'
          this.#remaining = this.#remaining * 16 + digit
          return undefined
        }
        if (this.#digits === 0) return 'CHUNK_SIZE'
        if (byte === 0x0d) this.state = SIZE_LF
        else if (byte === 0x3b) {
          this.state = EXTENSION
          this.#extension = NAME_START
          this.#extensionBytes = 0
        } else return byte === 0x0a ? 'BARE_LINE_END' : 'CHUNK_SIZE'
        return undefined
      }
      case EXTENSION:
        return this.#stepExtension(byte)
      case SIZE_LF:
        if (byte !== 0x0a) return 'BARE_LINE_END'
        this.#digits = 0
        this.state = this.#remaining === 0 ? TRAILER : DATA
        return undefined
      case DATA_CR:
        this.state = DATA_LF
        return byte === 0x0d ? undefined : 'CHUNK_END'
      default:
        this.state = SIZE
        return byte === 0x0a ? undefined : 'CHUNK_END'
    }
  }

  /** Without the white space that RFC 9112 section 7.1.1 only knows as bad: no sender makes it, and Node refuses it, too. */
  #stepExtension(byte: number): RefusalCode | undefined {
    const part = this.#extension
    if (byte === 0x0a) return 'BARE_LINE_END'
    const complete = part === NAME || part === VALUE || part === QUOTE_END
    if (byte === 0x0d && complete) {
      this.state = SIZE_LF
      return undefined
    }
    if (++this.#extensionBytes > MAX_EXTENSION_BYTES) return 'CHUNK_EXTENSION'
    if (byte === 0x3b && complete) this.#extension = NAME_START
    else if (byte === 0x3d && part === NAME) this.#extension = VALUE_START
    else if (part <= NAME && TOKEN[byte] === 1) this.#extension = NAME
    else if ((part === VALUE_START || part === VALUE) && TOKEN[byte] === 1) this.#extension = VALUE
    else if (byte === 0x22 && (part === VALUE_START || part === QUOTED))
      this.#extension = part === QUOTED ? QUOTE_END : QUOTED
    else if (byte === 0x5c && part === QUOTED) this.#extension = ESCAPED
    else if ((part === QUOTED || part === ESCAPED) && FIELD_VALUE[byte] === 1) this.#extension = QUOTED
    else return 'CHUNK_EXTENSION'
    return undefined
  }

  #readTrailer(bytes: Uint8Array, at: number, end: number): number | RefusalCode {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at)
    const before = this.trailers.length
    const text = this.trailers + latin1Text(view, 0, Math.min(view.length, this.#maxTrailerBytes + 2 - before))
    if (text.startsWith('\r\n')) return this.#finish('', at + 2 - before)
    const stop = text.indexOf('\r\n\r\n')
    if (stop >= 0) return this.#finish(text.slice(0, stop + 2), at + stop + 4 - before)
    // An unfinished section must not hold a bare LF (it would never end) nor grow for ever.
    if (text.length > this.#maxTrailerBytes + 1 || /(^|[^\r])\n|\r[^\n]/.test(text)) return 'TRAILER'
    this.trailers = text
    return end
  }

  #finish(section: string, at: number): number | RefusalCode {
    this.trailers = section
    this.state = DONE
    if (section === '') return at
    if (scanner.scan(section, 0, section.length, MAX_TRAILER_FIELDS) !== undefined) return 'TRAILER'
    const fields = new Headers(section, scanner.mask, scanner.tailMask)
    return FORBIDDEN.some((name) => fields.has(name)) ? 'TRAILER' : at
  }
}

const scanner = new FieldScan()

/** What framing, routing and authentication stand on has no place behind the body (RFC 9110 section 6.5.1). */
const FORBIDDEN = [
  'transfer-encoding',
  'content-length',
  'host',
  'connection',
  'trailer',
  'te',
  'authorization',
  'content-encoding',
  'content-type',
  'content-range',
  'set-cookie',
  'cookie',
  'expect',
  'upgrade',
]

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
