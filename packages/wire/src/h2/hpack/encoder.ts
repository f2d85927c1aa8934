import { latin1Text } from '../../sockets/latin1.ts'
import { BlockMemo, ownCopy } from './block-memo.ts'
import {
  BlockWriter,
  INCREMENTAL,
  INCREMENTAL_BITS,
  INDEXED,
  INDEXED_BITS,
  LITERAL_BITS,
  NEVER_INDEXED,
  NOT_INDEXED,
  SIZE_UPDATE,
  SIZE_UPDATE_BITS,
} from './block-writer.ts'
import { DEFAULT_TABLE_SIZE } from './dynamic-table.ts'
import { EncoderTable, Entry, HASH_SEED, hashByte, STATIC_NAMES } from './encoder-table.ts'
import { ENTRY_OVERHEAD } from './field.ts'
import { skipMaskOf, type SkipMask } from './skip-mask.ts'

const COLON = 58
const CR = 13
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09

/** How many of the fields that a block begins with are expected to be those of the block before: the pseudo fields, and some. */
const EXPECTED = 8

/**
 * Fields to field blocks (RFC 7541). One for the sending direction of a connection.
 *
 * What goes into the dynamic table: a field that comes the second time within some 100 others. The first time it is a literal
 * without indexing, from the third time on an index. So what is different in each request (ids, dates, most paths) drives out
 * nothing. Fields of more than a quarter of the table, those of `SECRET_NAMES`, and what the caller says is never indexed stay out.
 *
 * Looking up a field costs a hash over its text, so there are two guesses before it: a field like the one that stood at its place in the
 * block before (`expected`, `follower`), and lines that are all the same as in a block before (`BlockMemo`). The head of a gRPC call,
 * nine fields in 250 bytes, on a shared core of the machine it was written on (Node.js 20):
 *
 *     all as before, the same string          60 ns    without the memo 230
 *     all as before, a new string            110 ns    without the memo 400; most of it is making the string flat
 *     one value as never before              700 ns
 *     all for the first time               3,000 ns
 */
export class HpackEncoder {
  private readonly maxTableSize: number
  private readonly table: EncoderTable
  private memo: BlockMemo | undefined = undefined
  /** By place in the block: what `field` was called with in the block before. */
  private readonly expected = Array.from<Entry | undefined>({ length: EXPECTED })
  private place = 0
  /** The entry of the line before; `start` before the first. */
  private previous: Entry
  private readonly start = new Entry('', '')
  /** Of the lines of the block so far: their hash, and whether they would be the same bytes again. */
  private blockHash = 0
  private settled = true
  /** Of the sizes that have been asked for since the last block, the least and the last; -1 without one (section 4.2). */
  private leastSize = -1
  private lastSize = -1

  /** @param maxTableSize what we are willing to use, in bytes, whatever the peer offers */
  constructor(maxTableSize: number = DEFAULT_TABLE_SIZE) {
    this.maxTableSize = maxTableSize
    this.table = new EncoderTable(DEFAULT_TABLE_SIZE)
    this.previous = this.start
    this.setPeerTableSize(DEFAULT_TABLE_SIZE)
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE, in bytes. The next block says what we use of it. */
  setPeerTableSize(size: number): void {
    const used = Math.min(size, this.maxTableSize)
    this.leastSize = this.leastSize < 0 ? used : Math.min(this.leastSize, used)
    this.lastSize = used
  }

  /** The block is in `bytes[0, length)` until the next `begin` of any encoder of the thread. Every block that was begun must be sent. */
  get bytes(): Buffer {
    return writer.bytes
  }

  get length(): number {
    return writer.length
  }

  begin(): void {
    writer.length = 0
    this.place = 0
    if (this.lastSize >= 0) this.updateSize()
  }

  /**
   * One field. Latin1.
   *
   * @param name in lower case
   * @param neverIndexed so that no proxy behind us keeps it in a table either (section 6.2.3)
   */
  field(name: string, value: string, neverIndexed = false): void {
    const place = this.place++
    const expected = place < EXPECTED ? this.expected[place] : undefined
    // Mostly the very same strings as in the block before: two comparisons of pointers.
    if (expected !== undefined && !neverIndexed && expected.value === value && expected.name === name) {
      writer.reserve(0)
      writer.integer(INDEXED, INDEXED_BITS, this.table.indexOf(expected))
      return
    }
    const nameEnd = writer.load(name, 0)
    const end = writer.load(value, nameEnd)
    const nameHash = hashOf(HASH_SEED, 0, nameEnd)
    const entry = this.write(0, nameEnd, nameEnd, end, nameHash, hashOf(nameHash, nameEnd, end), neverIndexed)
    if (entry !== undefined && place < EXPECTED) this.expected[place] = entry
  }

  /**
   * All fields of a head.
   *
   * @param lines well-formed, as `Headers` keeps them: `Name: value\r\n` after another, names in any case. They leave in lower case
   * @param skip names in lower case that stay out. A constant: it is looked at the first time only
   */
  block(lines: string, skip?: ReadonlySet<string>): void {
    const { table } = this
    const known = this.memo?.find(lines, skip, table.version)
    if (known !== undefined) {
      writer.copy(known)
      return
    }
    const begin = writer.length
    const { version } = table
    const mask = skip === undefined ? undefined : skipMaskOf(skip)
    let loaded = false
    this.settled = true
    this.blockHash = HASH_SEED
    this.previous = this.start
    for (let at = 0; at < lines.length;) {
      const guess = this.previous.follower
      if (guess !== undefined && isNext(guess, lines, at, mask)) {
        writer.reserve(0)
        writer.integer(INDEXED, INDEXED_BITS, table.indexOf(guess))
        this.previous = guess
        this.blockHash = hashByte(this.blockHash, guess.hash)
        at += guess.line.length
        continue
      }
      if (!loaded) writer.load(lines, 0)
      loaded = true
      at = this.line(lines, at, mask)
    }
    // The bytes of a field that is going to be indexed when it comes again are not what it will be then.
    if (!this.settled || table.version !== version) return
    this.memo ??= new BlockMemo()
    this.memo.note(lines, skip, version, this.blockHash, writer.bytes, begin, writer.length)
  }

  /** The line that begins at `start` of the loaded text. @returns where the next one begins */
  private line(lines: string, start: number, mask: SkipMask | undefined): number {
    const { text } = writer
    const { length } = lines
    let at = start
    let hash = HASH_SEED
    for (; at < length && text[at] !== COLON; at++) hash = hashByte(hash, (text[at] = LOWER[text[at]]))
    const nameEnd = at++
    const nameHash = hash
    while (at < length && isBlank(text[at])) at++
    const valueAt = at
    for (; at < length && text[at] !== CR; at++) hash = hashByte(hash, text[at])
    let valueEnd = at
    const next = at + 2
    if (valueEnd > valueAt && isBlank(text[valueEnd - 1])) {
      while (valueEnd > valueAt && isBlank(text[valueEnd - 1])) valueEnd--
      hash = hashOf(nameHash, valueAt, valueEnd)
    }
    this.blockHash = hashByte(this.blockHash, hash)
    if (mask !== undefined && mask.mayHave(nameEnd - start, text[start], text[nameEnd - 1])) {
      if (mask.has(latin1Text(text, start, nameEnd))) return next
    }
    const entry = this.write(start, nameEnd, valueAt, valueEnd, nameHash, hash, false)
    // An entry of the static table has no place in the order of one connection's fields.
    if (entry === undefined || entry.staticIndex !== 0) return next
    if (entry.line === '') entry.line = ownCopy(lines.slice(start, next))
    this.previous.follower = entry
    this.previous = entry
    return next
  }

  /**
   * A field whose name and value stand in the loaded text.
   *
   * @returns the entry that it is or has become; undefined for a literal
   */
  private write(
    nameAt: number,
    nameEnd: number,
    valueAt: number,
    valueEnd: number,
    nameHash: number,
    hash: number,
    neverIndexed: boolean,
  ): Entry | undefined {
    const { table } = this
    const { text } = writer
    const nameLength = nameEnd - nameAt
    const valueLength = valueEnd - valueAt
    writer.reserve(nameLength + valueLength)
    const known = neverIndexed ? undefined : table.find(hash, text, nameAt, nameEnd, valueAt, valueEnd)
    if (known !== undefined) {
      writer.integer(INDEXED, INDEXED_BITS, table.indexOf(known))
      return known
    }
    const hashed = STATIC_NAMES.get(nameHash)
    const named = hashed !== undefined && hashed.entry.hasName(text, nameAt, nameEnd) ? hashed : undefined
    const index = named === undefined ? table.nameIndex(nameHash, text, nameAt, nameEnd) : named.entry.staticIndex
    const secret = neverIndexed || (named !== undefined && named.secret)
    const indexable = !secret && table.fits(nameLength + valueLength + ENTRY_OVERHEAD)
    const insert = indexable && table.seenBefore(hash)
    if (insert) writer.integer(INCREMENTAL, INCREMENTAL_BITS, index)
    else writer.integer(secret ? NEVER_INDEXED : NOT_INDEXED, LITERAL_BITS, index)
    if (index === 0) writer.string(nameAt, nameEnd)
    writer.string(valueAt, valueEnd)
    if (!insert) {
      if (indexable) this.settled = false
      return undefined
    }
    const entry = new Entry(latin1Text(text, nameAt, nameEnd), latin1Text(text, valueAt, valueEnd))
    table.insert(entry)
    return entry
  }

  private updateSize(): void {
    const { table, leastSize, lastSize } = this
    if (leastSize < table.maxSize) this.resize(leastSize)
    if (lastSize !== table.maxSize) this.resize(lastSize)
    this.leastSize = this.lastSize = -1
  }

  private resize(size: number): void {
    writer.reserve(0)
    writer.integer(SIZE_UPDATE, SIZE_UPDATE_BITS, size)
    this.table.resize(size)
  }
}

const writer = new BlockWriter()

const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte))

/** Whether the next line is that of an entry, to the byte, and may leave. */
function isNext(entry: Entry, lines: string, at: number, mask: SkipMask | undefined): boolean {
  const { line } = entry
  return line !== '' && lines.slice(at, at + line.length) === line && (mask === undefined || !mask.has(entry.name))
}

/** Goes on with the loaded text `[at, end)`. */
function hashOf(hash: number, at: number, end: number): number {
  const { text } = writer
  for (; at < end; at++) hash = hashByte(hash, text[at])
  return hash
}
