import { Headers, isFramingField } from '@sekisho/wire'
import type { HeaderPair } from './header-pairs.ts'

/** The pseudo-fields of a head (`:path`, …), which are not in its `Headers`. */
export interface PseudoFields {
  /** In the order in which they are listed. */
  readonly names: readonly string[]
  get(name: string): string | undefined
  /** @returns false for a value that it cannot have, or a name that is none of these */
  set(name: string, value: string): boolean
}

/**
 * A head or trailers, as a filter sees them: names in lower case, pseudo-fields first. Fields of framing are the gateway's: a filter reads them,
 * and what it writes into them changes nothing; it may take `content-length` out, which says that it will change the body.
 */
export class FieldMap {
  private readonly headers: Headers
  private readonly pseudo: PseudoFields | undefined
  readonly writable: boolean

  constructor(headers: Headers, pseudo: PseudoFields | undefined, writable: boolean) {
    this.headers = headers
    this.pseudo = pseudo
    this.writable = writable
  }

  get(name: string): string | undefined {
    const { pseudo } = this
    if (pseudo === undefined) return this.headers.get(name)
    if (name.charCodeAt(0) === COLON) return pseudo.get(name)
    return isHost(name, pseudo) ? pseudo.get(':authority') : this.headers.get(name)
  }

  pairs(): HeaderPair[] {
    const { pseudo } = this
    const pairs: HeaderPair[] = []
    for (const name of pseudo?.names ?? []) {
      const value = pseudo?.get(name)
      if (value !== undefined) pairs.push([name, value])
    }
    for (const [name, value] of this.headers.entries())
      if (!isHost(name, pseudo)) pairs.push([name.toLowerCase(), value])
    return pairs
  }

  get size(): number {
    const { headers, pseudo } = this
    return headers.size + (pseudo === undefined ? 0 : pseudo.names.length)
  }

  /** @returns false for a name or value that a head cannot have */
  replace(name: string, value: string): boolean {
    const { pseudo, headers } = this
    if (pseudo !== undefined) {
      if (name.charCodeAt(0) === COLON) return pseudo.set(name, value)
      if (isHost(name, pseudo)) return pseudo.set(':authority', value)
    }
    if (isFramingField(name)) return true
    return attempt(headers, name, value, true)
  }

  add(name: string, value: string): boolean {
    if (name.charCodeAt(0) === COLON || isHost(name, this.pseudo)) return this.replace(name, value)
    if (isFramingField(name)) return true
    return attempt(this.headers, name, value, false)
  }

  remove(name: string): boolean {
    if (name.charCodeAt(0) === COLON || isHost(name, this.pseudo)) return false
    if (!isFramingField(name) || name.toLowerCase() === 'content-length') this.headers.delete(name)
    return true
  }

  /** Puts these in the place of all; none is changed when one of them is wrong. */
  setAll(pairs: readonly HeaderPair[]): boolean {
    const { headers, pseudo } = this
    const next = new Headers()
    const lower = new Set<string>()
    for (const [name, value] of pairs) {
      if (name.charCodeAt(0) === COLON || isHost(name, pseudo)) continue
      lower.add(name.toLowerCase())
      if (!isFramingField(name) && !attempt(next, name, value, false)) return false
    }
    for (const [name, value] of pairs) {
      if (name.charCodeAt(0) !== COLON) continue
      if (pseudo === undefined) return false
      if (pseudo.get(name) !== value && !pseudo.set(name, value)) return false
    }
    const kept = [...headers.entries()].filter(
      ([name]) =>
        isHost(name, pseudo) ||
        (isFramingField(name) && (name.toLowerCase() !== 'content-length' || lower.has(name.toLowerCase()))),
    )
    headers.clear()
    for (const [name, value] of [...kept, ...next.entries()]) headers.appendUnchecked(name, value)
    return true
  }
}

const COLON = 58

/** `host` is `:authority` to a filter, as HTTP/2 has it. */
const isHost = (name: string, pseudo: PseudoFields | undefined): boolean =>
  pseudo !== undefined && pseudo.names.length > 1 && name.length === 4 && name.toLowerCase() === 'host'

function attempt(headers: Headers, name: string, value: string, replaces: boolean): boolean {
  try {
    if (replaces) headers.set(name, value)
    else headers.append(name, value)
    return true
  } catch (error) {
    // What `Headers` says of a name or value that is none.
    if (error instanceof TypeError) return false
    throw error
  }
}
