/**
 * Why a message was refused. Every row is one reason: the code that logs and metrics carry, the status the client gets when it is a
 * request (an upstream's bad response is always a 502), and the sentence for whoever reads it. Codes are never reused.
 */
const REFUSALS = {
  REQUEST_LINE: [400, 'the request line is not METHOD SP TARGET SP HTTP/1.x'],
  STATUS_LINE: [502, 'the status line is not HTTP/1.x SP 3-digit status SP reason'],
  VERSION: [505, 'only HTTP/1.0 and HTTP/1.1 are spoken here'],
  METHOD: [400, 'the method has a character that is not allowed in a token'],
  TARGET: [400, 'the request target has a character that must be percent-encoded'],
  TARGET_FORM: [400, 'the request target is neither /path, http://host/path nor * with OPTIONS'],
  TARGET_TOO_LONG: [414, 'the request target is longer than max_target_length'],
  CONNECT: [405, 'CONNECT is not allowed here'],
  HEADER_NAME: [400, 'a field name has a character that is not allowed in a token'],
  HEADER_VALUE: [400, 'a field value has a control character'],
  SPACE_BEFORE_COLON: [400, 'there is white space between a field name and its colon'],
  OBS_FOLD: [400, 'a field is continued on the next line (obs-fold)'],
  BARE_LINE_END: [400, 'a line ends in CR or LF alone instead of CRLF'],
  HEAD_TOO_LARGE: [431, 'the head is larger than max_head_bytes'],
  TOO_MANY_HEADERS: [431, 'the head has more fields than max_header_count'],
  HOST_MISSING: [400, 'an HTTP/1.1 request needs a Host field'],
  HOST_REPEATED: [400, 'there is more than one Host field'],
  HOST: [400, 'the Host field is not host or host:port'],
  CONTENT_LENGTH: [400, 'Content-Length is not a plain decimal number'],
  CONTENT_LENGTH_REPEATED: [400, 'there is more than one Content-Length'],
  LENGTH_AND_ENCODING: [400, 'Content-Length and Transfer-Encoding are both there'],
  TRANSFER_ENCODING: [400, 'Transfer-Encoding must be chunked, once and last'],
  TRANSFER_ENCODING_UNKNOWN: [501, 'only the transfer coding chunked is spoken here'],
  ENCODING_IN_HTTP_10: [400, 'HTTP/1.0 has no Transfer-Encoding'],
  EXPECTATION: [417, 'the only expectation that can be met is 100-continue'],
  CHUNK_SIZE: [400, 'a chunk size is not a hexadecimal number of at most 13 digits'],
  CHUNK_EXTENSION: [400, 'a chunk extension is malformed or longer than 1,024 bytes'],
  CHUNK_END: [400, 'a chunk does not end in CRLF where its size says'],
  TRAILER: [400, 'a trailer field is malformed or not allowed in a trailer'],
  BODY_TOO_LARGE: [413, 'the body is larger than max_body_bytes'],
  HEAD_TIMEOUT: [408, 'the head did not arrive within header_timeout'],
  BODY_TIMEOUT: [408, 'the body stopped arriving for body_timeout'],
  H2_RESPONSE: [502, 'the fields of an HTTP/2 response are malformed, too large, or do not fit its body'],
  UNEXPECTED_UPGRADE: [502, 'the upstream switched protocols without having been asked to'],
} as const satisfies Record<string, readonly [number, string]>

export type RefusalCode = keyof typeof REFUSALS

/** An expected failure, returned by the parsers rather than thrown: a flood of bad requests must not cost stack traces. */
export class Refusal {
  readonly code: RefusalCode
  readonly status: number
  readonly message: string
  constructor(code: RefusalCode) {
    this.code = code
    ;[this.status, this.message] = REFUSALS[code]
  }
}

const instances = new Map<RefusalCode, Refusal>()

/** The one instance for a code. */
export function refusal(code: RefusalCode): Refusal {
  let instance = instances.get(code)
  if (instance === undefined) instances.set(code, (instance = new Refusal(code)))
  return instance
}

export const refusalCodes = (): RefusalCode[] => Object.keys(REFUSALS) as RefusalCode[]
