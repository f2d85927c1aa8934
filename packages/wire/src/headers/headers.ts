import { latin1TextOf } from '../sockets/latin1.ts'
import { isFieldValue, isToken } from './characters.ts'

/**
 * The fields of a head, kept as the text they arrived in: `Name: value\r\n` after another, in latin1. Nothing is split until
 * someone asks, and what nobody touches leaves byte for byte as it came: case, order, duplicates.
 *
 * Two masks hold a bit for each (length, first letter) and each (length, last letter) that occurs, so asking for a field that is not
 * there costs a few nanoseconds and no index, in 19 of 20 cases with ten fields. The index (built on the first hit) holds five offsets a
 * field; names are compared in place, as a string for each would cost more than all else here:
 *
 *     Name: value\r\n
 *     ^0  ^1 ^2   ^3 ^4 = start, name end, value start, value end, end of line
 *
 * The fields are TypeScript-private and not `#private`: three of these are made per request, and on Node 20 a constructor that
 * defines `#` fields takes three times as long.
 */
export class Headers {
  private text: string
  private mask: number
  private tailMask: number
  /** A field was taken out: what was there when the head was parsed may be gone. */
  touched = false
  /** Names, lower case, of fields that HTTP/2 may keep in no table: their sender said so. */
  neverIndexed: ReadonlySet<string> | undefined = undefined
  private offsets: number[] | undefined = undefined
  /** A clone uses the same offsets: they are copied before they are changed. */
  private offsetsShared = false

  /**
   * @param block well-formed lines, each ending in CRLF; the parsers guarantee it, `Headers.from` checks it
   * @param mask of the names, as `maskBitOf` and `tailBitOf` make them; left out: any name may be there
   */
  constructor(block = '', mask = block === '' ? 0 : -1, tailMask = block === '' ? 0 : -1) {
    this.text = block
    this.mask = mask
    this.tailMask = tailMask
  }

  /** From name and value pairs; throws a TypeError where a name or value could break the framing. */
  static from(
    fields: Readonly<Record<string, string | readonly string[]>> | Iterable<readonly [string, string]>,
  ): Headers {
    const headers = new Headers()
    if (Symbol.iterator in fields) for (const [name, value] of fields) headers.append(name, value)
    else for (const name of Object.keys(fields)) headers.set(name, fields[name])
    return headers
  }

  /** The text on the wire: every line with its CRLF, without the empty line that ends a head. */
  get block(): string {
    return this.text
  }

  clone(): Headers {
    const copy = new Headers(this.text, this.mask, this.tailMask)
    copy.touched = this.touched
    copy.neverIndexed = this.neverIndexed
    if (this.offsets !== undefined) {
      copy.offsets = this.offsets
      copy.offsetsShared = true
      this.offsetsShared = true
    }
    return copy
  }

  has(name: string): boolean {
    return this.find(name, 0) >= 0
  }

  /** The value; several fields of one name are joined by `, ` (RFC 9110 section 5.3). undefined when there is none. */
  get(name: string): string | undefined {
    let at = this.find(name, 0)
    if (at < 0) return undefined
    let value = this.value(at)
    for (;;) {
      at = this.find(name, at + 1)
      if (at < 0) return value
      value += ', ' + this.value(at)
    }
  }

  /** The values of each field of that name, in order. */
  getAll(name: string): string[] {
    const values: string[] = []
    for (let at = this.find(name, 0); at >= 0; at = this.find(name, at + 1)) values.push(this.value(at))
    return values
  }

  /** Replaces every field of that name; a list makes one field for each value. */
  set(name: string, value: string | readonly string[]): void {
    this.delete(name)
    if (typeof value === 'string') this.append(name, value)
    else for (const one of value) this.append(name, one)
  }

  append(name: string, value: string): void {
    if (!isToken(name)) throw new TypeError(`not a header name: ${JSON.stringify(name)}`)
    if (!isFieldValue(value)) {
      throw new TypeError(`the value of header ${name} has a control character: ${JSON.stringify(value)}`)
    }
    this.appendUnchecked(name, wireText(value))
  }

  /** For names and values that are known to be well formed: our own constants, and what a parser has checked. */
  appendUnchecked(name: string, value: string): void {
    const start = this.text.length
    this.text += name + ': ' + value + '\r\n'
    this.note(name)
    if (this.offsets === undefined) return
    const nameEnd = start + name.length
    const valueEnd = nameEnd + 2 + value.length
    this.ownOffsets().push(start, nameEnd, nameEnd + 2, valueEnd, valueEnd + 2)
  }

  /** Several well-formed lines at once, CRLF each. `names`: all names that may be among them. */
  appendLines(lines: string, names: readonly string[]): void {
    this.text += lines
    for (const name of names) this.note(name)
    this.offsets = undefined
  }

  /** Takes all fields out. */
  clear(): void {
    this.text = ''
    this.mask = 0
    this.tailMask = 0
    this.touched = true
    this.offsets = undefined
    this.offsetsShared = false
    this.neverIndexed = undefined
  }

  /** Returns whether there was one. */
  delete(name: string): boolean {
    let at = this.find(name, 0)
    if (at < 0) return false
    for (; at >= 0; at = this.find(name, at)) this.remove(at)
    return true
  }

  /** Name (as it arrived) and value of each field, in order. */
  *entries(): IterableIterator<[string, string]> {
    const offsets = this.index()
    for (let at = 0; at < offsets.length / FIELDS; at++) {
      yield [this.text.slice(offsets[at * FIELDS], offsets[at * FIELDS + 1]), this.value(at)]
    }
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries()
  }

  get size(): number {
    return this.index().length / FIELDS
  }

  /** The place of the first field of that name at or behind `from`; -1 when there is none. */
  private find(name: string, from: number): number {
    const { length } = name
    if ((this.mask & maskBitOf(length, name.charCodeAt(0))) === 0) return -1
    if ((this.tailMask & tailBitOf(length, name.charCodeAt(length - 1))) === 0) return -1
    const offsets = this.offsets ?? this.index()
    for (let at = from * FIELDS; at < offsets.length; at += FIELDS) {
      if (offsets[at + 1] - offsets[at] === length && sameName(this.text, offsets[at], name)) return at / FIELDS
    }
    return -1
  }

  private value(at: number): string {
    const offsets = this.offsets as number[]
    return this.text.slice(offsets[at * FIELDS + 2], offsets[at * FIELDS + 3])
  }

  private remove(at: number): void {
    const offsets = this.ownOffsets()
    const start = offsets[at * FIELDS]
    const end = offsets[at * FIELDS + 4]
    this.touched = true
    this.text = this.text.slice(0, start) + this.text.slice(end)
    offsets.splice(at * FIELDS, FIELDS)
    for (let later = at * FIELDS; later < offsets.length; later++) offsets[later] -= end - start
  }

  private note(name: string): void {
    this.mask |= maskBitOf(name.length, name.charCodeAt(0))
    this.tailMask |= tailBitOf(name.length, name.charCodeAt(name.length - 1))
  }

  private ownOffsets(): number[] {
    const offsets = this.index()
    if (!this.offsetsShared) return offsets
    this.offsetsShared = false
    return (this.offsets = offsets.slice())
  }

  private index(): number[] {
    if (this.offsets !== undefined) return this.offsets
    const offsets: number[] = []
    const { text } = this
    for (let at = 0; at < text.length; at++) {
      const start = at
      while (text.charCodeAt(at) !== COLON) at++
      const nameEnd = at++
      while (isBlank(text.charCodeAt(at))) at++
      const valueStart = at
      while (text.charCodeAt(at) !== CR) at++
      let valueEnd = at
      while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--
      offsets.push(start, nameEnd, valueStart, valueEnd, at + 2)
      at++
    }
    this.offsetsShared = false
    return (this.offsets = offsets)
  }
}

/** Offsets a field. */
const FIELDS = 5
const COLON = 58
const CR = 13

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** Whether a name of that length stands there, in any case. Only letters have cases: `^` and `~` differ in the same bit. */
function sameName(text: string, start: number, name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const a = text.charCodeAt(start + at)
    const b = name.charCodeAt(at)
    if (a === b) continue
    const lower = a | 0x20
    if (lower !== (b | 0x20) || lower < 0x61 || lower > 0x7a) return false
  }
  return true
}

/**
 * A bit for a name's length and first letter, in any case; for a parser that has not made a string of the name. Shift counts
 * wrap at 32 by themselves.
 */
export const maskBitOf = (length: number, firstCode: number): number => 1 << (length * 7 + (firstCode | 0x20))

/** The same for its last letter. */
export const tailBitOf = (length: number, lastCode: number): number => 1 << (length * 11 + (lastCode | 0x20))

// eslint-disable-next-line no-control-regex
const LATIN1 = /^[\0-\xff]*$/

/** Text outside latin1 leaves as the bytes of its UTF-8 form, as browsers and curl do; sockets are written in latin1. */
const wireText = (value: string): string => (LATIN1.test(value) ? value : latin1TextOf(Buffer.from(value, 'utf8')))
