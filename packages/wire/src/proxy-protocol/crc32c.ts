/** Castagnoli's polynomial, reflected (RFC 9260 appendix A); zlib's CRC-32 is another one. */
const POLYNOMIAL = 0x82f63b78

const TABLE = new Uint32Array(256).map((_, at) => {
  let value = at
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
  return value >>> 0
})

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let at = 0; at < bytes.length; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]) & 0xff]
  return (crc ^ 0xffffffff) >>> 0
}
