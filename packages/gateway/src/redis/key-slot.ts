const SLOTS = 16_384

/** CRC-16/XMODEM: polynomial 0x1021, from 0. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** The slot of a key in a cluster (Redis cluster specification, "Key distribution model" and "Hash tags"). */
export function keySlot(key: string): number {
  const bytes = Buffer.from(hashedPart(key), 'utf8')
  let crc = 0
  for (const byte of bytes) crc = ((crc << 8) ^ TABLE[((crc >> 8) ^ byte) & 0xff]) & 0xffff
  return crc % SLOTS
}

/** What stands between the first `{` and the next `}`, if that is anything. */
function hashedPart(key: string): string {
  const open = key.indexOf('{')
  if (open < 0) return key
  const close = key.indexOf('}', open + 1)
  return close > open + 1 ? key.slice(open + 1, close) : key
}
