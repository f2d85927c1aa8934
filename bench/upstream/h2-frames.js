// What the responder needs of RFC 9113 section 6 (frames) and RFC 7541 section 6 (fields that need no dynamic table).

export const FRAME_HEAD_BYTES = 9

/** The largest frame that everybody takes: SETTINGS_MAX_FRAME_SIZE is never lower (RFC 9113 section 6.5.2). */
export const MAX_FRAME_BYTES = 16_384

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

export const Type = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
}

/** ACK shares its bit with END_STREAM; it is on SETTINGS and PING alone. */
export const Flag = { END_STREAM: 1, ACK: 1, END_HEADERS: 4 }

export const Setting = { HEADER_TABLE_SIZE: 1, MAX_CONCURRENT_STREAMS: 3, INITIAL_WINDOW_SIZE: 4 }

/**
 * @param {Buffer} target
 * @param {number} at
 * @param {number} length of the payload
 * @param {number} type
 * @param {number} flags
 * @param {number} stream
 * @returns {number} where the payload goes
 */
export function writeFrameHead(target, at, length, type, flags, stream) {
  target.writeUIntBE(length, at, 3)
  target[at + 3] = type
  target[at + 4] = flags
  target.writeUInt32BE(stream, at + 5)
  return at + FRAME_HEAD_BYTES
}

/**
 * @param {number} type
 * @param {number} flags
 * @param {number} stream
 * @param {Uint8Array} payload
 */
export function frame(type, flags, stream, payload) {
  const bytes = Buffer.alloc(FRAME_HEAD_BYTES + payload.length)
  bytes.set(payload, writeFrameHead(bytes, 0, payload.length, type, flags, stream))
  return bytes
}

/** @param {readonly (readonly [number, number])[]} entries */
export function settingsFrame(entries) {
  const payload = Buffer.alloc(entries.length * 6)
  for (const [index, [name, value]] of entries.entries()) {
    payload.writeUInt16BE(name, index * 6)
    payload.writeUInt32BE(value, index * 6 + 2)
  }
  return frame(Type.SETTINGS, 0, 0, payload)
}

/** `:status: 200`, entry 8 of the static table. */
export const STATUS_200 = Buffer.from([0x88])

/** The dynamic table shall have no entries: what an encoder says first when its peer made the table smaller. */
export const TABLE_SIZE_0 = Buffer.from([0x20])

/**
 * A literal field that goes into no table, without Huffman coding. Both lengths below 127.
 * @param {string} name
 * @param {string} value
 */
export function field(name, value) {
  return Buffer.from(
    `\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`,
    'latin1',
  )
}
