import { Headers, maskBitOf, tailBitOf } from '../headers/headers.ts'
import { FORBIDDEN, UNKNOWN_PSEUDO, type Field } from './hpack/field.ts'
import type { FieldSink } from './hpack/decoder.ts'

/**
 * Gathers the regular fields of a decoded block as the text that heads are kept as, with the masks of their names; pseudo-fields go to
 * `onPseudo`. A block that is too large or malformed is still decoded to its end, for the table's sake, but nothing of it is kept.
 */
export abstract class BlockSink implements FieldSink {
  /** RFC 9113 section 8.1.1: not a message. */
  malformed = false
  /** More than the limits allow. */
  tooLarge = false
  protected lines = ''
  protected mask = 0
  protected tailMask = 0
  protected neverIndexed: Set<string> | undefined
  private count = 0
  private bytes = 0
  private maxBytes = 0
  private maxCount = 0
  private regularSeen = false

  protected start(maxBytes: number, maxCount: number): void {
    this.malformed = false
    this.tooLarge = false
    this.lines = ''
    this.mask = 0
    this.tailMask = 0
    this.count = 0
    this.bytes = 0
    this.maxBytes = maxBytes
    this.maxCount = maxCount
    this.regularSeen = false
    this.neverIndexed = undefined
  }

  onField(field: Field, neverIndexed: boolean): void {
    this.bytes += field.size
    if (neverIndexed) (this.neverIndexed ??= new Set()).add(field.name)
    if (++this.count > this.maxCount || this.bytes > this.maxBytes) {
      this.tooLarge = true
      return
    }
    const { kind } = field
    if (kind === 0) {
      this.regularSeen = true
      this.lines += field.line
      this.mask |= field.maskBit
      this.tailMask |= field.tailBit
    } else if (kind >= FORBIDDEN) this.malformed = true
    else if (kind <= UNKNOWN_PSEUDO) {
      // RFC 9113 section 8.3: before all others.
      if (this.regularSeen) this.malformed = true
      else this.onPseudo(field)
    } else {
      this.regularSeen = true
      this.onSpecial(field)
    }
  }

  protected abstract onPseudo(field: Field): void
  /** A regular field that the protocol itself looks at. */
  protected abstract onSpecial(field: Field): void

  protected keep(field: Field): void {
    this.lines += field.line
    this.mask |= field.maskBit
    this.tailMask |= field.tailBit
  }

  /** What was gathered, as a head keeps it. */
  protected headers(block: string, mask: number, tailMask: number): Headers {
    const headers = new Headers(block, mask, tailMask)
    if (this.neverIndexed !== undefined) headers.neverIndexed = this.neverIndexed
    return headers
  }

  protected add(name: string, value: string): void {
    this.lines += name + ': ' + value + '\r\n'
    this.mask |= maskBitOf(name.length, name.charCodeAt(0))
    this.tailMask |= tailBitOf(name.length, name.charCodeAt(name.length - 1))
  }
}
