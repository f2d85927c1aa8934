import { DynamicTable } from './dynamic-table.ts'
import { ENTRY_OVERHEAD } from './field.ts'
import { SECRET_NAMES } from './secret-names.ts'
import { FIRST_DYNAMIC, STATIC_PAIRS } from './static-table.ts'

const PRIME = 0x01000193
export const HASH_SEED = 0x811c9dc5 | 0
/** The hash of a field goes over the bytes of its name, in lower case, then of its value (FNV-1a). */
export const hashByte = (hash: number, byte: number): number => Math.imul(hash ^ byte, PRIME)

function hashText(hash: number, text: string): number {
  for (let at = 0; at < text.length; at++) hash = hashByte(hash, text.charCodeAt(at))
  return hash
}

/** An entry of a table as the encoder finds it again. */
export class Entry {
  name: string
  value: string
  readonly nameHash: number
  readonly hash: number
  readonly size: number
  /** 1 to 61 in the static table, else 0. */
  readonly staticIndex: number
  /** The how-manieth entry of the connection's dynamic table. */
  order = 0
  /** The line of a head that it came from, byte for byte; empty when it did not come from one. */
  line = ''
  /** What stood behind it in the last block. */
  follower: Entry | undefined = undefined

  constructor(name: string, value: string, staticIndex = 0) {
    this.name = name
    this.value = value
    this.nameHash = hashText(HASH_SEED, name)
    this.hash = hashText(this.nameHash, value)
    this.size = name.length + value.length + ENTRY_OVERHEAD
    this.staticIndex = staticIndex
  }

  hasName(bytes: Uint8Array, at: number, end: number): boolean {
    return sameText(this.name, bytes, at, end)
  }

  hasValue(bytes: Uint8Array, at: number, end: number): boolean {
    return sameText(this.value, bytes, at, end)
  }
}

function sameText(text: string, bytes: Uint8Array, at: number, end: number): boolean {
  const { length } = text
  if (length !== end - at) return false
  for (let each = 0; each < length; each++) if (text.charCodeAt(each) !== bytes[at + each]) return false
  return true
}

/** Of a name of the static table: its first entry. */
export interface StaticName {
  readonly entry: Entry
  readonly secret: boolean
}

const STATIC_ENTRIES: ReadonlyMap<number, Entry> = new Map(
  STATIC_PAIRS.map(([name, value], at) => new Entry(name, value, at + 1)).map((entry) => [entry.hash, entry]),
)

/** By the hash of the name. All names of `SECRET_NAMES` are among them. */
export const STATIC_NAMES: ReadonlyMap<number, StaticName> = new Map(
  [...STATIC_ENTRIES.values()]
    .toReversed()
    .map((entry) => [entry.nameHash, { entry, secret: SECRET_NAMES.has(entry.name) }]),
)

/** `gzip, deflate`: a longer value is not looked for there. */
const LONGEST_STATIC_VALUE = Math.max(...STATIC_PAIRS.map(([, value]) => value.length))

/** No field is that. */
const GONE = '\n'

/** Hashes of fields that were literals not long ago. A power of two; 512 bytes a connection. */
const REMEMBERED = 128
/** A field that takes more than this part of the table is not worth what it drives out. */
const LARGEST_PART = 1 / 4

/**
 * The dynamic table of an encoder with what finds a field in it. Of entries with the same hash the newest is found: a stranger who
 * makes such fields makes them cost bytes, not time.
 */
export class EncoderTable extends DynamicTable<Entry> {
  private readonly byHash = new Map<number, Entry>()
  private readonly byNameHash = new Map<number, Entry>()
  private remembered: Int32Array | undefined = undefined
  private inserted = 0
  /** Other than before: the same fields may now be other bytes. */
  version = 0

  indexOf(entry: Entry): number {
    return entry.staticIndex === 0 ? FIRST_DYNAMIC + this.inserted - entry.order : entry.staticIndex
  }

  /** Name and value stand at `bytes[nameAt, nameEnd)` and `bytes[valueAt, valueEnd)`. */
  find(
    hash: number,
    bytes: Uint8Array,
    nameAt: number,
    nameEnd: number,
    valueAt: number,
    valueEnd: number,
  ): Entry | undefined {
    let entry = this.byHash.get(hash)
    if (entry === undefined) {
      if (valueEnd - valueAt > LONGEST_STATIC_VALUE) return undefined
      entry = STATIC_ENTRIES.get(hash)
      if (entry === undefined) return undefined
    }
    return entry.hasName(bytes, nameAt, nameEnd) && entry.hasValue(bytes, valueAt, valueEnd) ? entry : undefined
  }

  /** The index of an entry with that name; 0 without one. */
  nameIndex(nameHash: number, bytes: Uint8Array, at: number, end: number): number {
    const entry = this.byNameHash.get(nameHash)
    return entry !== undefined && entry.hasName(bytes, at, end) ? this.indexOf(entry) : 0
  }

  /** Whether a field of that size is worth a place when it comes again. */
  fits(size: number): boolean {
    return size <= this.maxSize * LARGEST_PART
  }

  /** Whether the field was asked about not long ago. (Or one with the same hash: no harm but a place taken too early.) */
  seenBefore(hash: number): boolean {
    this.remembered ??= new Int32Array(REMEMBERED)
    const place = (hash ^ (hash >>> 15)) & (REMEMBERED - 1)
    if (this.remembered[place] === hash) return true
    this.remembered[place] = hash
    return false
  }

  override insert(entry: Entry): void {
    super.insert(entry)
    entry.order = ++this.inserted
    this.byHash.set(entry.hash, entry)
    this.byNameHash.set(entry.nameHash, entry)
    this.version++
  }

  override resize(maxSize: number): void {
    super.resize(maxSize)
    this.version++
  }

  /** Who still points to the entry finds no field that it could be, and nothing behind it. */
  protected override evicted(entry: Entry): void {
    if (this.byHash.get(entry.hash) === entry) this.byHash.delete(entry.hash)
    if (this.byNameHash.get(entry.nameHash) === entry) this.byNameHash.delete(entry.nameHash)
    entry.name = GONE
    entry.value = GONE
    entry.line = ''
    entry.follower = undefined
  }
}
