import { CHUNKED } from '../h1/request-head.ts'
import { ResponseHead } from '../h1/response-head.ts'
import type { H1Limits } from '../limits.ts'
import { BlockSink } from './field-sink.ts'
import { CONTENT_LENGTH, STATUS, type Field } from './hpack/field.ts'

/** Makes a response head of a decoded field block. One serves a thread. */
export class ResponseFields extends BlockSink {
  private status = 0
  private contentLength = -1

  begin(limits: H1Limits): void {
    this.start(limits.maxHeadBytes, limits.maxHeaderCount)
    this.status = 0
    this.contentLength = -1
  }

  protected onPseudo({ kind, value }: Field): void {
    if (kind !== STATUS || this.status !== 0 || !/^[1-9][0-9][0-9]$/.test(value)) this.malformed = true
    else this.status = Number(value)
  }

  protected onSpecial(field: Field): void {
    if (field.kind === CONTENT_LENGTH) {
      const same = String(this.contentLength) === field.value
      if (!/^[0-9]{1,15}$/.test(field.value) || (this.contentLength >= 0 && !same)) this.malformed = true
      if (this.contentLength >= 0) return
      this.contentLength = Number(field.value)
    }
    this.keep(field)
  }

  /** undefined: it is malformed, or too large. */
  finish(endStream: boolean, byteLength: number): ResponseHead | undefined {
    if (this.malformed || this.tooLarge || this.status === 0) return undefined
    // A switch of protocols is not how HTTP/2 does it (RFC 9113 section 8.6), and interim responses end nothing.
    if (this.status === 101 || (this.status < 200 && endStream)) return undefined
    const headers = this.headers(this.lines, this.mask, this.tailMask)
    const length = this.contentLength >= 0 ? this.contentLength : endStream ? 0 : CHUNKED
    return new ResponseHead(this.status, '', headers, length, true, false, byteLength)
  }
}

/** The fields of trailers: no pseudo-fields, and none that frames or routes (RFC 9113 section 8.1). */
export class TrailerFields extends BlockSink {
  begin(limits: H1Limits): void {
    this.start(limits.maxHeadBytes, limits.maxHeaderCount)
  }

  protected onPseudo(): void {
    this.malformed = true
  }

  /** content-length, host and the like have no meaning here: dropped, as in HTTP/1's chunked trailers they are refused. */
  protected onSpecial(): void {}

  /** The lines; undefined: malformed, or too large. */
  finish(): string | undefined {
    return this.malformed || this.tooLarge ? undefined : this.lines
  }
}
