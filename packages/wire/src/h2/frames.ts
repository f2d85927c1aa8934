/** What RFC 9113 numbers: frame types (section 6), flags, settings (6.5.2), error codes (7). */

/** How a client's connection begins (section 3.4). */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** Length (24 bits), type, flags, stream identifier (31 bits): section 4.1. */
export const FRAME_HEADER_BYTES = 9
/** What a peer must accept, and all that we accept: larger frames make streams wait for each other (section 4.2). */
export const DEFAULT_MAX_FRAME_BYTES = 16_384
/** Windows before any SETTINGS or WINDOW_UPDATE (section 6.9.2). */
export const DEFAULT_WINDOW = 65_535
/** Largest window and stream identifier. */
export const MAX_31_BITS = 0x7fff_ffff

export const DATA = 0x0
export const HEADERS = 0x1
export const PRIORITY = 0x2
export const RST_STREAM = 0x3
export const SETTINGS = 0x4
export const PUSH_PROMISE = 0x5
export const PING = 0x6
export const GOAWAY = 0x7
export const WINDOW_UPDATE = 0x8
export const CONTINUATION = 0x9

export const ACK = 0x1
export const END_STREAM = 0x1
export const END_HEADERS = 0x4
export const PADDED = 0x8
export const PRIORITY_FLAG = 0x20

export const SETTINGS_HEADER_TABLE_SIZE = 0x1
export const SETTINGS_ENABLE_PUSH = 0x2
export const SETTINGS_MAX_CONCURRENT_STREAMS = 0x3
export const SETTINGS_INITIAL_WINDOW_SIZE = 0x4
export const SETTINGS_MAX_FRAME_SIZE = 0x5
export const SETTINGS_MAX_HEADER_LIST_SIZE = 0x6
/** RFC 8441 section 3. */
export const SETTINGS_ENABLE_CONNECT_PROTOCOL = 0x8

export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

const NAMES = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]))

/** The name of an error code for messages; peers may send codes that nobody knows. */
export const errorName = (code: number): string => NAMES.get(code) ?? `error ${code}`

/** What a peer gives as its reason, as far as it is fit for a log. */
export const debugText = (bytes: Buffer, at: number, end: number): string =>
  bytes.toString('latin1', at, Math.min(end, at + 200)).replace(/[^ -~]/g, '?')
