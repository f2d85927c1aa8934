import { FIELD_VALUE, TOKEN, trimOws } from '../headers/characters.ts'
import { maskBitOf, tailBitOf } from '../headers/headers.ts'
import type { RefusalCode } from '../streams/refusal.ts'

const CR = 13
const LF = 10
const SPACE = 32
const TAB = 9
const COLON = 58

/** What `Connection` says, and which fields of one hop are there, as bits. */
export const CONNECTION_CLOSE = 1
export const CONNECTION_KEEP_ALIVE = 2
export const CONNECTION_UPGRADE = 4
/** A field must be taken out before forwarding: anything of one hop but a lone `Connection: keep-alive`. */
export const HOP_BY_HOP = 8

/**
 * One strict pass over the lines of a head: validates every byte and notes what framing and routing need. It makes no string of a
 * field that is not about framing. One scanner serves a thread: its fields are only valid until the next `scan`, so a
 * head costs no allocation here.
 */
export class FieldScan {
  mask = 0
  tailMask = 0
  count = 0
  /** -1 when there is none. */
  contentLength = -1
  chunked = false
  hostCount = 0
  host = ''
  /** The bits above. */
  connection = 0
  upgrade = false
  expectContinue = false

  /** `text[start, end)` is whole lines, CRLF each. Returns why they are refused, or undefined. */
  scan(text: string, start: number, end: number, maxCount: number): RefusalCode | undefined {
    this.mask = 0
    this.tailMask = 0
    this.count = 0
    this.contentLength = -1
    this.chunked = false
    this.hostCount = 0
    this.host = ''
    this.connection = 0
    this.upgrade = false
    this.expectContinue = false
    let at = start
    while (at < end) {
      const nameStart = at
      let code = text.charCodeAt(at)
      while (TOKEN[code] === 1) code = text.charCodeAt(++at)
      if (code !== COLON || at === nameStart) return nameProblem(code, at === nameStart)
      const nameEnd = at++
      code = text.charCodeAt(at)
      while (code === SPACE || code === TAB) code = text.charCodeAt(++at)
      const valueStart = at
      while (FIELD_VALUE[code] === 1) code = text.charCodeAt(++at)
      if (code !== CR || text.charCodeAt(at + 1) !== LF) {
        return code === CR || code === LF ? 'BARE_LINE_END' : 'HEADER_VALUE'
      }
      const length = nameEnd - nameStart
      const firstCode = text.charCodeAt(nameStart)
      this.mask |= maskBitOf(length, firstCode)
      this.tailMask |= tailBitOf(length, text.charCodeAt(nameEnd - 1))
      if (++this.count > maxCount) return 'TOO_MANY_HEADERS'
      if (INTERESTING[length] === 1) {
        const problem = this.#note(text, nameStart, nameEnd, valueStart, at)
        if (problem !== undefined) return problem
      }
      at += 2
    }
    return this.chunked && this.contentLength >= 0 ? 'LENGTH_AND_ENCODING' : undefined
  }

  #note(
    text: string,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    lineEnd: number,
  ): RefusalCode | undefined {
    const first = text.charCodeAt(nameStart) | 0x20
    if (!FIRST_LETTERS[first]) return undefined
    const name = text.slice(nameStart, nameEnd).toLowerCase()
    switch (name) {
      case 'host':
        this.hostCount++
        this.host = trimEnd(text, valueStart, lineEnd)
        return undefined
      case 'content-length':
        if (this.contentLength >= 0) return 'CONTENT_LENGTH_REPEATED'
        this.contentLength = decimal(trimEnd(text, valueStart, lineEnd))
        return this.contentLength < 0 ? 'CONTENT_LENGTH' : undefined
      case 'transfer-encoding': {
        if (this.chunked) return 'TRANSFER_ENCODING'
        const coding = trimEnd(text, valueStart, lineEnd).toLowerCase()
        if (coding !== 'chunked')
          return /(^|,)[ \t]*chunked$/.test(coding) ? unknownCoding(coding) : 'TRANSFER_ENCODING'
        this.chunked = true
        return undefined
      }
      case 'connection':
        this.#noteConnection(trimEnd(text, valueStart, lineEnd))
        return undefined
      case 'upgrade':
        this.upgrade = true
        this.connection |= HOP_BY_HOP
        return undefined
      case 'expect':
        if (trimEnd(text, valueStart, lineEnd).toLowerCase() !== '100-continue') return 'EXPECTATION'
        this.expectContinue = true
        return undefined
      case 'keep-alive':
      case 'proxy-connection':
      case 'te':
        this.connection |= HOP_BY_HOP
        return undefined
    }
    return undefined
  }

  #noteConnection(value: string): void {
    // Alone it asks for what we do anyway: it may stay where it is, which saves most clients' requests a cut.
    if (value === 'keep-alive' || value === 'Keep-Alive') {
      this.connection |= this.connection & CONNECTION_KEEP_ALIVE ? HOP_BY_HOP : CONNECTION_KEEP_ALIVE
      return
    }
    this.connection |= HOP_BY_HOP
    for (const option of value.toLowerCase().split(',')) {
      const token = trimOws(option)
      if (token === 'close') this.connection |= CONNECTION_CLOSE
      else if (token === 'keep-alive') this.connection |= CONNECTION_KEEP_ALIVE
      else if (token === 'upgrade') this.connection |= CONNECTION_UPGRADE
    }
  }
}

/** Lengths of the names that `#note` knows: te, host, expect, upgrade, connection and keep-alive, content-length, … */
const INTERESTING = Uint8Array.from({ length: 32_769 }, (_, length) =>
  [2, 4, 6, 7, 10, 14, 16, 17].includes(length) ? 1 : 0,
)
const FIRST_LETTERS = Uint8Array.from({ length: 256 }, (_, code) =>
  'hctuekp'.includes(String.fromCharCode(code)) ? 1 : 0,
)

function nameProblem(code: number, atStart: boolean): RefusalCode {
  if (code === SPACE || code === TAB) return atStart ? 'OBS_FOLD' : 'SPACE_BEFORE_COLON'
  return code === CR || code === LF ? 'BARE_LINE_END' : 'HEADER_NAME'
}

/** `gzip, chunked` is framed well but asks for a coding we do not speak; `chunked, chunked` is not framed well. */
const unknownCoding = (coding: string): RefusalCode =>
  coding.split(',').filter((one) => trimOws(one) === 'chunked').length > 1
    ? 'TRANSFER_ENCODING'
    : 'TRANSFER_ENCODING_UNKNOWN'

function trimEnd(text: string, start: number, end: number): string {
  let last = end
  while (last > start && (text.charCodeAt(last - 1) === SPACE || text.charCodeAt(last - 1) === TAB)) last--
  return text.slice(start, last)
}

/** Digits only and below 2^53 (15 digits always fit); -1 for anything else: no sign, no white space, no list, no hex. */
function decimal(text: string): number {
  if (text.length === 0 || text.length > 15) return -1
  let value = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}
