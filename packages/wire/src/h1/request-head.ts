import { AUTHORITY, TARGET, TOKEN } from '../headers/characters.ts'
import { Headers } from '../headers/headers.ts'
import type { H1Limits } from '../limits.ts'
import { CONNECTION_CLOSE, CONNECTION_KEEP_ALIVE, CONNECTION_UPGRADE, FieldScan, HOP_BY_HOP } from './field-scan.ts'
import { refusal, type Refusal, type RefusalCode } from '../streams/refusal.ts'

/** A body whose end only its chunks tell. */
export const CHUNKED = -2

/** The head of one request. `method`, `target` and `headers` may be edited; what framing was agreed on may not. */
export class RequestHead {
  method: string
  /** Origin form (`/path?query`) or `*`; an absolute form was split, its authority is `host`. */
  target: string
  /** `host[:port]` of the target or the Host field, as it came; empty only in HTTP/1.0. */
  host: string
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minorVersion: number
  readonly headers: Headers
  /** Bytes of the body: 0 when there is none, `CHUNKED` when chunks tell. */
  readonly bodyLength: number
  /** The client wants the connection to stay open. */
  readonly keepAlive: boolean
  /** `Upgrade` with `Connection: upgrade`: the client offers to switch protocols (RFC 9110 section 7.8). */
  upgrade: boolean
  readonly expectContinue: boolean
  /** Fields of one hop must be taken out before forwarding. */
  readonly hopByHop: boolean
  /** Bytes of the head on the wire. */
  readonly byteLength: number

  constructor(
    method: string,
    target: string,
    host: string,
    minorVersion: number,
    headers: Headers,
    bodyLength: number,
    keepAlive: boolean,
    upgrade: boolean,
    expectContinue: boolean,
    hopByHop: boolean,
    byteLength: number,
  ) {
    this.method = method
    this.target = target
    this.host = host
    this.minorVersion = minorVersion
    this.headers = headers
    this.bodyLength = bodyLength
    this.keepAlive = keepAlive
    this.upgrade = upgrade
    this.expectContinue = expectContinue
    this.hopByHop = hopByHop
    this.byteLength = byteLength
  }

  /** A copy to edit: the text of the fields is shared until one of the two changes it. */
  copy(): RequestHead {
    return new RequestHead(
      this.method,
      this.target,
      this.host,
      this.minorVersion,
      this.headers.clone(),
      this.bodyLength,
      this.keepAlive,
      this.upgrade,
      this.expectContinue,
      this.hopByHop,
      this.byteLength,
    )
  }

  /** The path as it was sent: neither decoded nor normalised, without the query. */
  get path(): string {
    const query = this.target.indexOf('?')
    return query < 0 ? this.target : this.target.slice(0, query)
  }

  /** What follows the first `?`, or the empty string. */
  get query(): string {
    const query = this.target.indexOf('?')
    return query < 0 ? '' : this.target.slice(query + 1)
  }
}

const SPACE = 32
const scanner = new FieldScan()

/**
 * Parses `text[start, end)`: request line, fields, and the empty line (`end` is behind it). Strict RFC 9112 section 3, 5 and 6; what is
 * refused is returned as the reason, never thrown.
 */
export function parseRequestHead(text: string, start: number, end: number, limits: H1Limits): RequestHead | Refusal {
  let at = start
  while (TOKEN[text.charCodeAt(at)] === 1) at++
  if (text.charCodeAt(at) !== SPACE || at === start || at - start > MAX_METHOD_LENGTH) return badMethod(text, start, at)
  const method = methodName(text, start, at)
  const targetStart = ++at
  while (TARGET[text.charCodeAt(at)] === 1) at++
  const targetEnd = at
  if (targetEnd - targetStart > limits.maxTargetLength) return refusal('TARGET_TOO_LONG')
  if (text.charCodeAt(at) !== SPACE || targetEnd === targetStart) return badTarget(text, at, targetEnd === targetStart)
  // "HTTP/1.x" CRLF; anything else is told apart on the way out.
  if (!text.startsWith('HTTP/1.', at + 1) || text.charCodeAt(at + 9) !== 13 || text.charCodeAt(at + 10) !== 10) {
    return badVersion(text, at + 1)
  }
  const minorVersion = text.charCodeAt(at + 8) - 48
  if (minorVersion !== 1 && minorVersion !== 0) return badVersion(text, at + 1)
  const fieldsStart = at + 11

  const problem = scanner.scan(text, fieldsStart, end - 2, limits.maxHeaderCount)
  if (problem !== undefined) return refusal(problem)
  if (minorVersion === 0 && scanner.chunked) return refusal('ENCODING_IN_HTTP_10')
  if (scanner.hostCount !== 1) {
    if (scanner.hostCount > 1) return refusal('HOST_REPEATED')
    if (minorVersion === 1) return refusal('HOST_MISSING')
  } else if (!isAuthority(scanner.host)) return refusal('HOST')
  if (limits.maxBodyBytes > 0 && scanner.contentLength > limits.maxBodyBytes) return refusal('BODY_TOO_LARGE')

  const headers = new Headers(text.slice(fieldsStart, end - 2), scanner.mask, scanner.tailMask)
  let target = text.slice(targetStart, targetEnd)
  let host = scanner.host
  if (text.charCodeAt(targetStart) !== 0x2f || method === 'CONNECT') {
    const split = splitTarget(method, target)
    if (typeof split === 'string') return refusal(split)
    if (split.authority !== '') {
      host = split.authority
      // RFC 9112 section 3.2.2: the authority of an absolute form replaces what Host says.
      headers.set('Host', host)
    }
    target = split.target
  } else if (target.includes('\\')) {
    // Some servers take a backslash for a slash; behind a path rule that is a way around the rule.
    const backslash = target.indexOf('\\')
    const query = target.indexOf('?')
    if (query < 0 || backslash < query) return refusal('TARGET')
  }
  const { connection, contentLength } = scanner
  const close = (connection & CONNECTION_CLOSE) !== 0
  return new RequestHead(
    method,
    target,
    host,
    minorVersion,
    headers,
    scanner.chunked ? CHUNKED : contentLength > 0 ? contentLength : 0,
    !close && (minorVersion === 1 || (connection & CONNECTION_KEEP_ALIVE) !== 0),
    // With a body nobody could tell where it ends and the tunnel begins; a server may always decline (RFC 9110 section 7.8).
    scanner.upgrade &&
      (connection & CONNECTION_UPGRADE) !== 0 &&
      minorVersion === 1 &&
      !scanner.chunked &&
      contentLength <= 0,
    scanner.expectContinue && minorVersion === 1,
    (connection & HOP_BY_HOP) !== 0,
    end - start,
  )
}

/** Longer than any registered method (the longest, UPDATEREDIRECTREF, has 17 letters). */
const MAX_METHOD_LENGTH = 32

function methodName(text: string, start: number, end: number): string {
  // Most requests: constants compare by identity later on, and no string is made.
  if (end - start === 3 && text.startsWith('GET', start)) return 'GET'
  if (end - start === 4 && text.startsWith('POST', start)) return 'POST'
  return text.slice(start, end)
}

function badMethod(text: string, start: number, at: number): Refusal {
  const code = text.charCodeAt(at)
  return refusal(at === start || code === 13 || code === 10 ? 'REQUEST_LINE' : 'METHOD')
}

function badTarget(text: string, at: number, empty: boolean): Refusal {
  const code = text.charCodeAt(at)
  return refusal(empty || code === 13 || code === 10 ? 'REQUEST_LINE' : 'TARGET')
}

function badVersion(text: string, at: number): Refusal {
  return refusal(/^HTTP\/\d\.\d\r\n/.test(text.slice(at, at + 10)) ? 'VERSION' : 'REQUEST_LINE')
}

function splitTarget(method: string, target: string): { target: string; authority: string } | RefusalCode {
  if (method === 'CONNECT') return 'CONNECT'
  if (target === '*') return method === 'OPTIONS' ? { target, authority: '' } : 'TARGET_FORM'
  const match = /^https?:\/\/([^/?]*)(.*)$/i.exec(target)
  if (match === null || !isAuthority(match[1])) return 'TARGET_FORM'
  const rest = match[2]
  if (rest.split('?', 1)[0].includes('\\')) return 'TARGET'
  return { target: rest.startsWith('/') ? rest : '/' + rest, authority: match[1] }
}

/** The authority that was found good last: clients of one gateway ask for few hosts, and comparing is ten times faster than checking. */
let lastGood = ''

/** `host` or `host:port`; brackets only around an IPv6 address, at most one colon otherwise. */
export function isAuthority(host: string): boolean {
  if (host === lastGood && host !== '') return true
  const good = checkAuthority(host)
  if (good) lastGood = host
  return good
}

function checkAuthority(host: string): boolean {
  if (host.length === 0 || host.length > 261) return false
  let colons = 0
  for (let at = 0; at < host.length; at++) {
    const code = host.charCodeAt(at)
    if (AUTHORITY[code] !== 1) return false
    if (code === 0x3a) colons++
    else if (code === 0x5b || code === 0x5d) return /^\[[0-9a-fA-F:.]+\](:\d{0,5})?$/.test(host)
  }
  return colons === 0 || (colons === 1 && /^[^:]+:\d{0,5}$/.test(host))
}
