import { latin1Text } from '../../sockets/latin1.ts'
import { DEFAULT_TABLE_SIZE, DynamicTable } from './dynamic-table.ts'
import { Field } from './field.ts'
import { decodedBound, huffmanDecode } from './huffman-decode.ts'
import { LiteralMemo } from './literal-memo.ts'
import { FIRST_DYNAMIC, STATIC_FIELDS } from './static-table.ts'

/** Takes the fields of a block, in order. What it has taken when the block turns out wrong is to be forgotten. */
export interface FieldSink {
  /** @param neverIndexed must leave as such again (RFC 7541 section 6.2.3) */
  onField(field: Field, neverIndexed: boolean): void
}

/**
 * Field blocks to fields (RFC 7541). One for the receiving direction of a connection; its table is the state that all blocks share, so
 * after an error nothing that follows can be understood (RFC 9113 section 4.3).
 *
 * An indexed field costs its byte, a look-up and the call of the sink. A literal that came before is found by its bytes (`LiteralMemo`).
 * The head of a gRPC call, nine fields, on the core where the encoder was measured:
 *
 *     all indices                             25 ns
 *     with `:path` a literal, as before       65 ns
 *     with `:path` a literal, a new one      270 ns
 *     all literals, as before                280 ns
 *
 * So a memo of whole blocks was left out: comparing a block's bytes costs as much as decoding it, and one value that changes
 * (`grpc-timeout`) defeats it.
 */
export class HpackDecoder {
  private readonly table: DynamicTable<Field>
  private maxTableSize: number
  /** Our maximum fell below the size in use: the next block must begin with an update (section 4.2). */
  private updateDue = false
  /** Where `integer` and `string` stopped reading. */
  private at = 0
  private error = ''

  /**
   * @param maxTableSize our SETTINGS_HEADER_TABLE_SIZE, in bytes. The peer uses 4096 until it has read our SETTINGS: for less than
   *   that, begin with 4096 and call `setMaxTableSize` when it acknowledges them
   */
  constructor(maxTableSize: number = DEFAULT_TABLE_SIZE) {
    this.maxTableSize = maxTableSize
    this.table = new DynamicTable(Math.min(maxTableSize, DEFAULT_TABLE_SIZE))
  }

  /** The peer has acknowledged this SETTINGS_HEADER_TABLE_SIZE. */
  setMaxTableSize(size: number): void {
    this.maxTableSize = size
    this.updateDue = size < this.table.maxSize
  }

  /**
   * Decodes the field block `bytes[at, end)`, which must be whole. The table is changed as it says.
   *
   * @returns undefined, or why it is a COMPRESSION_ERROR
   */
  decode(bytes: Buffer, at: number, end: number, sink: FieldSink): string | undefined {
    if (at < end && (this.updateDue || (bytes[at] & 0xe0) === 0x20)) {
      at = this.sizeUpdates(bytes, at, end)
      if (at < 0) return this.error
    }
    const { table } = this
    while (at < end) {
      const first = bytes[at++]
      if (first >= 0x80) {
        let index = first & 0x7f
        if (index === 0x7f) {
          index = this.integer(bytes, at, end, 0x7f)
          if (index < 0) return this.error
          ;({ at } = this)
        }
        const field = index < FIRST_DYNAMIC ? STATIC_FIELDS[index] : table.get(index - FIRST_DYNAMIC)
        if (field === undefined) return noEntry(index)
        sink.onField(field, false)
        continue
      }
      if ((first & 0xe0) === 0x20) return 'a table size update behind the beginning of a block, or a third one'
      const indexed = first >= 0x40
      const field = this.literal(bytes, at, end, indexed ? 0x3f : 0x0f, first)
      if (field === undefined) return this.error
      ;({ at } = this)
      if (indexed) table.insert(field)
      sink.onField(field, first >= 0x10 && !indexed)
    }
    return undefined
  }

  /** Section 6.2. @param mask of the bits of the index in its first byte */
  private literal(bytes: Buffer, start: number, end: number, mask: number, first: number): Field | undefined {
    let at = start
    let index = first & mask
    let name: string | undefined
    if (index !== 0) {
      if (index === mask) {
        index = this.integer(bytes, at, end, mask)
        if (index < 0) return undefined
        ;({ at } = this)
      }
      const named = index < FIRST_DYNAMIC ? STATIC_FIELDS[index] : this.table.get(index - FIRST_DYNAMIC)
      if (named === undefined) return this.fail(noEntry(index))
      ;({ name } = named)
    }
    const behind = this.skipStrings(bytes, at, end, name === undefined ? 2 : 1)
    if (behind < 0) return undefined
    // Never indexed: not to be found again by its value either (section 7.1.3).
    const kept = first < 0x10 || first >= 0x40
    const known = kept ? memo.find(bytes, at, behind, name) : undefined
    if (known !== undefined) {
      this.at = behind
      return known
    }
    this.at = at
    name ??= this.string(bytes, end)
    if (name === undefined) return undefined
    const value = this.string(bytes, end)
    if (value === undefined) return undefined
    const field = new Field(name, value)
    if (kept) memo.note(bytes, at, behind, field)
    return field
  }

  /** Where so many strings that begin here end; -1 when they are cut short. */
  private skipStrings(bytes: Buffer, at: number, end: number, count: number): number {
    for (; count > 0; count--) {
      if (at >= end) return this.cutShort()
      let length = bytes[at++] & 0x7f
      if (length === 0x7f) {
        length = this.integer(bytes, at, end, 0x7f)
        if (length < 0) return -1
        ;({ at } = this)
      }
      at += length
      if (at > end) return this.cutShort()
    }
    return at
  }

  /** Section 5.2: the string at `this.at`, which `skipStrings` has passed. */
  private string(bytes: Buffer, end: number): string | undefined {
    const huffman = bytes[this.at] >= 0x80
    let length = bytes[this.at++] & 0x7f
    if (length === 0x7f) length = this.integer(bytes, this.at, end, 0x7f)
    const start = this.at
    this.at += length
    if (!huffman) return latin1Text(bytes, start, this.at)
    const bound = decodedBound(length)
    if (bound > decoded.length) decoded = Buffer.allocUnsafe(2 * bound)
    const size = huffmanDecode(bytes, start, this.at, decoded)
    return size < 0 ? this.fail('a string that is not in Huffman code') : latin1Text(decoded, 0, size)
  }

  /** Section 6.3; where they end, or -1. Two are enough to say the least size since the last block, and the one in use (4.2). */
  private sizeUpdates(bytes: Buffer, at: number, end: number): number {
    for (let count = 0; count < 2 && at < end && (bytes[at] & 0xe0) === 0x20; count++) {
      let size = bytes[at++] & 0x1f
      if (size === 0x1f) {
        size = this.integer(bytes, at, end, 0x1f)
        if (size < 0) return -1
        ;({ at } = this)
      }
      if (size > this.maxTableSize) {
        this.error = `a table of ${size} bytes, more than the ${this.maxTableSize} that were offered`
        return -1
      }
      this.updateDue = false
      this.table.resize(size)
    }
    if (!this.updateDue) return at
    this.error = 'no table size update, though less was offered than is in use'
    return -1
  }

  /**
   * Section 5.1, behind a prefix whose bits are all set. Four bytes at most: 2^28 is more than any block has bytes or entries.
   *
   * @returns -1 when it is longer or cut short
   */
  private integer(bytes: Buffer, at: number, end: number, prefix: number): number {
    let value = prefix
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= end) return this.cutShort()
      const byte = bytes[at++]
      value += (byte & 0x7f) << shift
      if (byte >= 0x80) continue
      this.at = at
      return value
    }
    this.error = 'an integer of more than 28 bits'
    return -1
  }

  private cutShort(): number {
    this.error = 'a block that is cut short'
    return -1
  }

  private fail(error: string): undefined {
    this.error = error
    return undefined
  }
}

const noEntry = (index: number): string => `index ${index}, where the tables have no entry`

const memo = new LiteralMemo()

/** Where strings are decoded, of all connections of the thread. As large as the longest string so far: blocks have a limit. */
let decoded = Buffer.allocUnsafe(1024)
