/** Opcodes and close codes of RFC 6455, sections 5.2 and 7.4.1. */
export const CONTINUATION = 0x0
export const TEXT = 0x1
export const BINARY = 0x2
export const CLOSE = 0x8
export const PING = 0x9
export const PONG = 0xa

export const NORMAL = 1000
export const GOING_AWAY = 1001
export const PROTOCOL_ERROR = 1002
export const NO_STATUS = 1005
export const ABNORMAL = 1006
export const NOT_UTF8 = 1007
export const POLICY = 1008
export const TOO_BIG = 1009

/** A whole frame of a server: one fragment, no mask. */
export function frame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const bytes = Buffer.allocUnsafe(head + length)
  bytes[0] = 0x80 | opcode
  if (head === 2) bytes[1] = length
  else if (head === 4) {
    bytes[1] = 126
    bytes.writeUInt16BE(length, 2)
  } else {
    bytes[1] = 127
    bytes.writeBigUInt64BE(BigInt(length), 2)
  }
  bytes.set(payload, head)
  return bytes
}

/** @param reason at most 123 bytes are sent */
export function closeFrame(code: number, reason = ''): Buffer {
  const text = Buffer.from(reason).subarray(0, 123)
  const payload = Buffer.allocUnsafe(2 + text.length)
  payload.writeUInt16BE(code, 0)
  payload.set(text, 2)
  return frame(CLOSE, payload)
}

/** Whether a peer may send this code (section 7.4): not those that stand for the absence of one. */
export const isCloseCode = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== NO_STATUS && code !== ABNORMAL) ||
  (code >= 3000 && code <= 4999)
