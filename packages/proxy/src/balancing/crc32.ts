/**
 * CRC-32 as in zlib (reflected, polynomial 0xedb88320), fed piece by piece. Here and not `zlib.crc32`: the call out of
 * JavaScript costs more than the 10 to 40 characters of a usual key, and a state must be kept and forked for the ring.
 */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1
  return remainder
})

/** The state before the first byte. */
export const CRC32_START = -1

/**
 * The state after the characters of `text`, each one byte, as in the latin1 strings that heads are read into. A
 * character above U+00FF, which no header can hold, counts as two bytes, the high one first.
 */
export function crc32Text(state: number, text: string): number {
  let crc = state
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0xff) crc = (crc >>> 8) ^ TABLE[(crc ^ (code >>> 8)) & 0xff]
    crc = (crc >>> 8) ^ TABLE[(crc ^ code) & 0xff]
  }
  return crc
}

/** The state after the four bytes of an unsigned 32-bit number, the lowest first. */
export function crc32Uint32(state: number, value: number): number {
  // The byte-wise step four times, with the four bytes mixed in at once: they meet the state's bytes in this order.
  let crc = state ^ value
  for (let byte = 0; byte < 4; byte++) crc = (crc >>> 8) ^ TABLE[crc & 0xff]
  return crc
}

/** The checksum of what was fed so far, 0 to 2^32 - 1. */
export function crc32End(state: number): number {
  return ~state >>> 0
}
