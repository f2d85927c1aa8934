import type { Field } from './field.ts'
import { SECRET_NAMES } from './secret-names.ts'

/** A longer literal is decoded each time. A path or a user agent has some 30 bytes in Huffman code. */
const MAX_BYTES = 64
/** A power of two. 256 x 64 bytes = 16 KiB. */
const PLACES = 256
/** A power of two. 4 KiB. */
const CANDIDATES = 1024

/**
 * Fields that came as literals before, by the bytes they came in. Most clients (nghttp2 and what is built on it: curl, Envoy,
 * Node.js) send `:path` and others as a literal in each request. Decoding one, making three strings and checking them takes 200 to
 * 300 ns; finding it here takes 40.
 *
 * One for all connections of a thread: it costs an idle connection nothing. What the bytes mean does not depend on a connection but
 * for the name, and that is compared. Bytes get in when they come the second time: what is different in each request drives
 * out nothing and costs no copy. Secret fields never get in (`SECRET_NAMES`).
 */
export class LiteralMemo {
  private readonly fields: (Field | undefined)[] = Array.from<Field | undefined>({ length: PLACES })
  private readonly lengths = new Uint8Array(PLACES)
  private readonly bytes = new Uint8Array(PLACES * MAX_BYTES)
  /** Hashes of bytes that came once. */
  private readonly candidates = new Int32Array(CANDIDATES)
  private turn = 0

  /** @param name of the index that stands before `[at, end)`; undefined where the name is in these bytes */
  find(bytes: Uint8Array, at: number, end: number, name: string | undefined): Field | undefined {
    if (end - at > MAX_BYTES) return undefined
    const place = hashOf(bytes, at, end) & (PLACES - 1)
    return this.at(place, bytes, at, end, name) ?? this.at(place ^ 1, bytes, at, end, name)
  }

  /** After `find` found nothing. */
  note(bytes: Uint8Array, at: number, end: number, field: Field): void {
    const length = end - at
    if (length > MAX_BYTES) return
    const hash = hashOf(bytes, at, end)
    const candidate = (hash >>> 8) & (CANDIDATES - 1)
    if (this.candidates[candidate] !== hash) {
      this.candidates[candidate] = hash
      return
    }
    if (SECRET_NAMES.has(field.name)) return
    let place = hash & (PLACES - 1)
    // Two places for each hash, or two literals of one request could drive each other out for ever.
    if (this.fields[place] !== undefined && (this.fields[place ^ 1] === undefined || (this.turn ^= 1) === 1)) place ^= 1
    this.fields[place] = field
    this.lengths[place] = length
    const start = place * MAX_BYTES
    for (let each = 0; each < length; each++) this.bytes[start + each] = bytes[at + each]
  }

  private at(place: number, bytes: Uint8Array, at: number, end: number, name: string | undefined): Field | undefined {
    const field = this.fields[place]
    const length = end - at
    if (field === undefined || this.lengths[place] !== length) return undefined
    const start = place * MAX_BYTES
    for (let each = 0; each < length; each++) if (this.bytes[start + each] !== bytes[at + each]) return undefined
    return name === undefined || name === field.name ? field : undefined
  }
}

/** Of the length and twelve bytes out of the front, the middle and the end: all of them would cost as much as comparing them. */
function hashOf(bytes: Uint8Array, at: number, end: number): number {
  const length = end - at
  const middle = at + (length >>> 1)
  let hash = Math.imul((length < 4 ? bytes[at] : word(bytes, at)) ^ length, 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 15) ^ (length < 4 ? bytes[middle] : word(bytes, middle - 2)), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13) ^ (length < 4 ? bytes[end - 1] : word(bytes, end - 4)), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
