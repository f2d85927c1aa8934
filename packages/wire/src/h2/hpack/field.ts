import { maskBitOf, tailBitOf } from '../../headers/headers.ts'
import { FIELD_VALUE, TOKEN } from '../../headers/characters.ts'

/** What a field means to HTTP/2 (RFC 9113 section 8): so that a head is checked by a switch over numbers and not by names. */
export const PLAIN = 0
export const METHOD = 1
export const SCHEME = 2
export const AUTHORITY = 3
export const PATH = 4
export const PROTOCOL = 5
export const STATUS = 6
export const UNKNOWN_PSEUDO = 7
export const CONTENT_LENGTH = 8
export const HOST = 9
export const COOKIE = 10
export const TE = 11
export const EXPECT = 12
/** Fields of a connection, which HTTP/2 has no place for (RFC 9113 section 8.2.2). */
export const FORBIDDEN = 13
/** Not a field: a name that is no lower-case token, or a value that could break a line (RFC 9113 section 8.2.1). */
export const MALFORMED = 14

const KINDS: ReadonlyMap<string, number> = new Map([
  [':method', METHOD],
  [':scheme', SCHEME],
  [':authority', AUTHORITY],
  [':path', PATH],
  [':protocol', PROTOCOL],
  [':status', STATUS],
  ['content-length', CONTENT_LENGTH],
  ['host', HOST],
  ['cookie', COOKIE],
  ['te', TE],
  ['expect', EXPECT],
  ['connection', FORBIDDEN],
  ['keep-alive', FORBIDDEN],
  ['proxy-connection', FORBIDDEN],
  ['transfer-encoding', FORBIDDEN],
  ['upgrade', FORBIDDEN],
])

/** What an entry of a table costs besides its text (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD = 32

/**
 * One field as it stands in a table. All that depends on its name and value alone is worked out here, once: a block that names it
 * by index then costs no look at its text.
 */
export class Field {
  /** Latin1, as all text here. */
  readonly name: string
  readonly value: string
  /** `name: value\r\n` as a head keeps it; empty for pseudo fields, and for what may stand in no head: FORBIDDEN, MALFORMED. */
  readonly line: string
  /** PLAIN to MALFORMED. */
  readonly kind: number
  /** The bits of the name in the masks of `Headers`. */
  readonly maskBit: number
  readonly tailBit: number
  /** Of the table, in bytes (RFC 7541 section 4.1). */
  readonly size: number

  constructor(name: string, value: string) {
    const { length } = name
    this.name = name
    this.value = value
    this.kind = kindOf(name, value)
    this.line = this.kind === PLAIN || (this.kind >= CONTENT_LENGTH && this.kind < FORBIDDEN) ? lineOf(name, value) : ''
    this.maskBit = maskBitOf(length, name.charCodeAt(0))
    this.tailBit = tailBitOf(length, name.charCodeAt(length - 1))
    this.size = length + value.length + ENTRY_OVERHEAD
  }
}

const lineOf = (name: string, value: string): string => name + ': ' + value + '\r\n'

function kindOf(name: string, value: string): number {
  const pseudo = name.charCodeAt(0) === COLON
  if ((!pseudo && !isLowerCaseToken(name)) || !isTrimmedValue(value)) return MALFORMED
  return KINDS.get(name) ?? (pseudo ? UNKNOWN_PSEUDO : PLAIN)
}

const COLON = 58
const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

function isLowerCaseToken(name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at)
    if (TOKEN[code] !== 1 || (code >= 0x41 && code <= 0x5a)) return false
  }
  return name !== ''
}

function isTrimmedValue(value: string): boolean {
  const { length } = value
  if (length === 0) return true
  for (let at = 0; at < length; at++) if (FIELD_VALUE[value.charCodeAt(at)] !== 1) return false
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(length - 1))
}
