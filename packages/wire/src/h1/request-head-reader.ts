import type { H1Limits } from '../limits.ts'
import { latin1Text } from '../sockets/latin1.ts'
import { refusal, Refusal, type RefusalCode } from '../streams/refusal.ts'
import { parseRequestHead, type RequestHead } from './request-head.ts'

/** How an HTTP/2 connection begins (RFC 9113 section 3.4): its first line looks like a request's. */
const PREFACE_LINE = 'PRI * HTTP/2.0\r\n\r\n'

/** Finds where the head of a request ends, in whatever reads it comes. One serves a connection, head after head. */
export class RequestHeadReader {
  /** Bytes of the head that was read last, with the empty line that may stand before it. */
  size = 0
  /** Half a head was there at the last read: its bytes are to be kept. */
  started = false
  /** What was refused is the preface of HTTP/2; it begins so many bytes behind where reading began. */
  prefaceAt = -1
  /** The one empty line that may stand before a request came in a read of its own. */
  private emptyLineTaken = false
  /** Bytes of a head that has not ended yet, which were looked at: a head that comes byte by byte is not read again for each. */
  private scanned = 0

  /**
   * Reads `bytes[at, end)`, from the head's first byte on also when part of it was there before.
   * @returns undefined while its end has not come: if `started`, the same bytes are wanted again with what follows
   */
  read(bytes: Buffer, at: number, end: number, limits: H1Limits): RequestHead | Refusal | undefined {
    const text = latin1Text(bytes, at, end - at > limits.maxHeadBytes ? at + limits.maxHeadBytes : end)
    // RFC 9112 section 2.2: one empty line before a request is forgiven.
    const start = !this.emptyLineTaken && text.charCodeAt(0) === 13 && text.charCodeAt(1) === 10 ? 2 : 0
    const stop = text.indexOf('\r\n\r\n', Math.max(start, this.scanned - 3))
    if (stop < 0) return this.wait(text, end - at, limits)
    const head = parseRequestHead(text, start, stop + 4, limits)
    this.size = stop + 4
    if (head instanceof Refusal) this.prefaceAt = text.startsWith(PREFACE_LINE, start) ? start : -1
    this.started = false
    this.emptyLineTaken = false
    this.scanned = 0
    return head
  }

  private wait(text: string, size: number, limits: H1Limits): Refusal | undefined {
    const problem = incompleteHeadProblem(text, this.scanned, size, limits)
    if (problem !== undefined) {
      this.prefaceAt = -1
      return refusal(problem)
    }
    // The empty line that some clients send behind a body begins nothing.
    if (text === '\r\n' && !this.emptyLineTaken) {
      this.emptyLineTaken = true
      this.started = false
      this.scanned = 0
    } else {
      this.started = true
      this.scanned = size
    }
    return undefined
  }
}

const BARE_LINE_END = /(?<!\r)\n|\r[^\n]/g

/** What can be said of a head whose end has not come yet; `scanned` bytes of it were found to be fine before. */
function incompleteHeadProblem(text: string, scanned: number, size: number, limits: H1Limits): RefusalCode | undefined {
  // Without CRLF CRLF a head that ends its lines in LF alone would be waited for until the time is up.
  BARE_LINE_END.lastIndex = Math.max(0, scanned - 1)
  if (BARE_LINE_END.test(text)) return 'BARE_LINE_END'
  if (size < limits.maxHeadBytes) return undefined
  const lineEnd = text.indexOf('\r\n', 2)
  return lineEnd < 0 || lineEnd > limits.maxTargetLength + 64 ? 'TARGET_TOO_LONG' : 'HEAD_TOO_LARGE'
}
