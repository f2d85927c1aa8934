import { latin1TextOf } from '../sockets/latin1.ts'
import { isFieldValue, isToken } from './characters.ts'

/**
 * The fields of a head, kept as the text they arrived in: `Name: value\r\n` after another, in latin1. Nothing is split until
 * someone asks, and what nobody touches leaves byte for byte as it came: case, order, duplicates.
 *
 * `mask` holds one bit for each (length, first letter) that occurs, so asking for a field that is not there costs a few
 * nanoseconds and no index. The index (built on the first hit) holds four offsets a field:
 *
 *     Name: value\r\n
 *     ^0    ^1   ^2   ^3 = start, value start, value end, end of line
 *
 * The fields are TypeScript-private and not `#private`: three of these are made per request, and on Node 20 a constructor that
 * defines `#` fields takes three times as long.
 */
export class Headers {
  private text: string
  private mask: number
  /** A field was taken out: what was there when the head was parsed may be gone. */
  touched = false
  /** Lower-case names, one a field; undefined until someone asks. */
  private names: string[] | undefined
  private offsets: number[] | undefined

  /** @param block well-formed lines, each ending in CRLF; the parsers guarantee it, `Headers.from` checks it. */
  constructor(block = '', mask = block === '' ? 0 : -1) {
    this.text = block
    this.mask = mask
  }

  /** From name and value pairs; throws a TypeError where a name or value could break the framing. */
  static from(fields: Readonly<Record<string, string | readonly string[]>> | Iterable<readonly [string, string]>): Headers {
    const headers = new Headers()
    if (Symbol.iterator in fields) for (const [name, value] of fields) headers.append(name, value)
    else for (const name of Object.keys(fields)) headers.set(name, fields[name] as string | readonly string[])
    return headers
  }

  /** The text on the wire: every line with its CRLF, without the empty line that ends a head. */
  get block(): string {
    return this.text
  }

  clone(): Headers {
    const copy = new Headers(this.text, this.mask)
    copy.touched = this.touched
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
    this.mask |= maskBit(name)
    if (this.names !== undefined) {
      this.names.push(name.toLowerCase())
      const valueStart = start + name.length + 2
      this.offsets?.push(start, valueStart, valueStart + value.length, valueStart + value.length + 2)
    }
  }

  /** Several well-formed lines at once, CRLF each. `names`: all names that may be among them. */
  appendLines(lines: string, names: readonly string[]): void {
    this.text += lines
    for (const name of names) this.mask |= maskBit(name)
    this.names = undefined
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
    this.index()
    const names = this.names as string[]
    const offsets = this.offsets as number[]
    for (let at = 0; at < names.length; at++) {
      const start = offsets[at * 4]
      yield [this.text.slice(start, start + names[at].length), this.value(at)]
    }
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries()
  }

  get size(): number {
    this.index()
    return (this.names as string[]).length
  }

  private find(name: string, from: number): number {
    if ((this.mask & maskBit(name)) === 0) return -1
    if (this.names === undefined) this.index()
    return (this.names as string[]).indexOf(name.toLowerCase(), from)
  }

  private value(at: number): string {
    const offsets = this.offsets as number[]
    return this.text.slice(offsets[at * 4 + 1], offsets[at * 4 + 2])
  }

  private remove(at: number): void {
    const offsets = this.offsets as number[]
    const start = offsets[at * 4]
    const end = offsets[at * 4 + 3]
    this.touched = true
    this.text = this.text.slice(0, start) + this.text.slice(end)
    ;(this.names as string[]).splice(at, 1)
    offsets.splice(at * 4, 4)
    for (let later = at * 4; later < offsets.length; later++) offsets[later] -= end - start
  }

  private index(): void {
    if (this.names !== undefined) return
    const names: string[] = []
    const offsets: number[] = []
    const block = this.text
    for (let start = 0; start < block.length; ) {
      const end = block.indexOf('\r\n', start)
      const colon = block.indexOf(':', start)
      let valueStart = colon + 1
      while (valueStart < end && isBlank(block.charCodeAt(valueStart))) valueStart++
      let valueEnd = end
      while (valueEnd > valueStart && isBlank(block.charCodeAt(valueEnd - 1))) valueEnd--
      names.push(block.slice(start, colon).toLowerCase())
      offsets.push(start, valueStart, valueEnd, end + 2)
      start = end + 2
    }
    this.names = names
    this.offsets = offsets
  }
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** One of 32 bits for a name's length and first letter, in any case. */
const maskBit = (name: string): number => maskBitOf(name.length, name.charCodeAt(0))

/** The same for a parser that has not made a string of the name. Shift counts wrap at 32 by themselves. */
export const maskBitOf = (length: number, firstCode: number): number => 1 << (length * 7 + (firstCode | 0x20))

// eslint-disable-next-line no-control-regex
const LATIN1 = /^[\0-\xff]*$/

/** Text outside latin1 leaves as the bytes of its UTF-8 form, as browsers and curl do; sockets are written in latin1. */
const wireText = (value: string): string => (LATIN1.test(value) ? value : latin1TextOf(Buffer.from(value, 'utf8')))
