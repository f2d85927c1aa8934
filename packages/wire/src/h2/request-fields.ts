import { randomBytes } from 'node:crypto'
import { isToken, TARGET } from '../headers/characters.ts'
import { maskBitOf, tailBitOf } from '../headers/headers.ts'
import { CHUNKED, isAuthority, RequestHead } from '../h1/request-head.ts'
import type { H1Limits } from '../limits.ts'
import type { RefusalCode } from '../streams/refusal.ts'
import { BlockSink } from './field-sink.ts'
import {
  AUTHORITY,
  CONTENT_LENGTH,
  COOKIE,
  EXPECT,
  HOST,
  METHOD,
  PATH,
  PROTOCOL,
  SCHEME,
  TE,
  type Field,
} from './hpack/field.ts'

/** The request is not one: the stream is reset (RFC 9113 section 8.1.1). */
export const MALFORMED_REQUEST = 'malformed'

/** Makes a request head of a decoded field block. One serves a thread: `begin`, decode into it, `finish`. */
export class RequestFields extends BlockSink {
  private method = ''
  private scheme = ''
  private authority: string | undefined
  private path = ''
  private protocol = ''
  private host: string | undefined
  private contentLength = -1
  private cookies = ''
  private expect = ''

  begin(limits: H1Limits): void {
    this.start(limits.maxHeadBytes, limits.maxHeaderCount)
    this.method = ''
    this.scheme = ''
    this.authority = undefined
    this.path = ''
    this.protocol = ''
    this.host = undefined
    this.contentLength = -1
    this.cookies = ''
    this.expect = ''
  }

  protected onPseudo(field: Field): void {
    const { kind, value } = field
    if (kind === METHOD && this.method === '') this.method = value
    else if (kind === PATH && this.path === '') this.path = value
    else if (kind === SCHEME && this.scheme === '') this.scheme = value
    else if (kind === AUTHORITY && this.authority === undefined) this.authority = value
    else if (kind === PROTOCOL && this.protocol === '') this.protocol = value
    else this.malformed = true
    if (value === '') this.malformed = true
  }

  protected onSpecial(field: Field): void {
    const { kind, value } = field
    switch (kind) {
      case CONTENT_LENGTH:
        if (this.contentLength >= 0 || !DECIMAL.test(value)) this.malformed = true
        else {
          this.contentLength = Number(value)
          this.keep(field)
        }
        return
      case HOST:
        if (this.host !== undefined) this.malformed = true
        else this.host = value
        return
      case COOKIE:
        // RFC 9113 section 8.2.3: one field again, as HTTP/1 wants it.
        this.cookies += this.cookies === '' ? value : `; ${value}`
        return
      case TE:
        // Section 8.2.2.
        if (value.toLowerCase() !== 'trailers') this.malformed = true
        else this.keep(field)
        return
      case EXPECT:
        this.expect = value
        this.keep(field)
        return
      default:
        this.keep(field)
    }
  }

  /** @param byteLength of the block on the wire */
  finish(
    limits: H1Limits,
    endStream: boolean,
    byteLength: number,
  ): RequestHead | RefusalCode | typeof MALFORMED_REQUEST {
    if (this.tooLarge) return 'HEAD_TOO_LARGE'
    if (this.malformed || this.method === '' || !isToken(this.method)) return MALFORMED_REQUEST
    if (this.method === 'CONNECT' && this.protocol === '') return 'CONNECT'
    const { path, method } = this
    if (this.scheme === '' || path === '') return MALFORMED_REQUEST
    if (path.charCodeAt(0) !== 0x2f && !(path === '*' && method === 'OPTIONS')) return MALFORMED_REQUEST
    if (path.length > limits.maxTargetLength) return 'TARGET_TOO_LONG'
    for (let at = 0; at < path.length; at++) if (TARGET[path.charCodeAt(at)] !== 1) return MALFORMED_REQUEST
    if (path.includes('\\')) {
      const query = path.indexOf('?')
      if (query < 0 || path.indexOf('\\') < query) return 'TARGET'
    }
    const host = this.authority ?? this.host
    if (host === undefined || host === '') return 'HOST_MISSING'
    // Two names for one request: whoever looks at the other one would be deceived (RFC 9113 section 8.3.1).
    if (this.host !== undefined && this.authority !== undefined && !sameHost(this.host, this.authority)) {
      return MALFORMED_REQUEST
    }
    if (!isAuthority(host)) return 'HOST'
    if (endStream && this.contentLength > 0) return MALFORMED_REQUEST
    if (limits.maxBodyBytes > 0 && this.contentLength > limits.maxBodyBytes) return 'BODY_TOO_LARGE'
    if (this.expect !== '' && this.expect.toLowerCase() !== '100-continue') return 'EXPECTATION'
    if (this.cookies !== '') this.add('cookie', this.cookies)
    if (this.protocol !== '') return endStream ? MALFORMED_REQUEST : this.upgrade(host, byteLength)
    const headers = this.headers(
      'host: ' + host + '\r\n' + this.lines,
      this.mask | HOST_MASK,
      this.tailMask | HOST_TAIL_MASK,
    )
    const bodyLength = endStream ? 0 : this.contentLength >= 0 ? this.contentLength : CHUNKED
    return new RequestHead(
      method,
      path,
      host,
      1,
      headers,
      bodyLength,
      true,
      false,
      this.expect !== '' && !endStream,
      false,
      byteLength,
    )
  }

  /** Extended CONNECT (RFC 8441) is what an upgrade is in HTTP/1, and becomes one for all who look at it. */
  private upgrade(host: string, byteLength: number): RequestHead | RefusalCode | typeof MALFORMED_REQUEST {
    if (this.method !== 'CONNECT' || !isToken(this.protocol) || this.contentLength > 0) return MALFORMED_REQUEST
    this.add('connection', 'upgrade')
    this.add('upgrade', this.protocol)
    this.add('host', host)
    const headers = this.headers(this.lines, this.mask, this.tailMask)
    if (this.protocol.toLowerCase() === 'websocket') {
      headers.set('sec-websocket-key', randomBytes(16).toString('base64'))
    }
    return new RequestHead('GET', this.path, host, 1, headers, 0, true, true, false, true, byteLength)
  }
}

const DECIMAL = /^[0-9]{1,15}$/
const HOST_MASK = maskBitOf(4, 0x68)
const HOST_TAIL_MASK = tailBitOf(4, 0x74)

const sameHost = (one: string, other: string): boolean => one === other || one.toLowerCase() === other.toLowerCase()
