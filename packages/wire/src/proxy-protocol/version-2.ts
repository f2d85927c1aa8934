import type { ProxiedAddresses, ProxyTlv } from '../sockets/connection-info.ts'
import { crc32c } from './crc32c.ts'
import { ipText } from './ip-bytes.ts'
import type { ProxyHeader, ProxyHeaderProblem } from './proxy-header.ts'

/** A header with a client's certificate in it has about 2,000 bytes. */
export const MAX_VERSION_2_BYTES = 8_192
export const MAX_TLVS = 32

/** Section 2.2: no protocol begins like this. */
export const VERSION_2_START = Buffer.from('\r\n\r\n\0\r\nQUIT\n')
export const FIXED_PART = 16
export const LOCAL = 0x20
export const PROXY = 0x21
export const TCP_OVER_IPV4 = 0x11
export const TCP_OVER_IPV6 = 0x21

/** Bytes of the addresses by family, the upper half of its byte: unspecified, IPv4, IPv6, Unix. */
const ADDRESS_BYTES = [0, 12, 36, 216]
/** The highest of the transports, in the lower half: unspecified, stream, datagram. */
const DATAGRAM = 2

const TLV_CRC32C = 0x03
const TLV_NOOP = 0x04

/** The binary form. Its bytes begin as they should. */
export function parseVersion2(bytes: Buffer): ProxyHeader | ProxyHeaderProblem {
  if (bytes.length < FIXED_PART) return 'INCOMPLETE'
  const command = bytes[12]
  const familyByte = bytes[13]
  const length = FIXED_PART + bytes.readUInt16BE(14)
  if (command !== LOCAL && command !== PROXY) return 'MALFORMED'
  if (length > MAX_VERSION_2_BYTES) return 'TOO_LARGE'
  if (bytes.length < length) return 'INCOMPLETE'
  // The proxy speaks for itself: nothing that follows is looked at.
  if (command === LOCAL) return { version: 2, addresses: undefined, length }
  const family = familyByte >> 4
  if (family >= ADDRESS_BYTES.length || (familyByte & 15) > DATAGRAM) return 'MALFORMED'
  const block = bytes.subarray(FIXED_PART, length)
  if (block.length < ADDRESS_BYTES[family]) return 'MALFORMED'
  // UNSPEC: the rest has no form that one could rely on.
  if (family === 0) return { version: 2, addresses: undefined, length }
  const tlvs = readTlvs(bytes.subarray(0, length), FIXED_PART + ADDRESS_BYTES[family])
  if (tlvs === undefined) return 'MALFORMED'
  return { version: 2, addresses: addresses(familyByte, block, tlvs), length }
}

/** Unix sockets and datagrams have no addresses that could stand for a TCP client's. */
function addresses(familyByte: number, block: Buffer, tlvs: readonly ProxyTlv[]): ProxiedAddresses | undefined {
  if (familyByte !== TCP_OVER_IPV4 && familyByte !== TCP_OVER_IPV6) return undefined
  const size = familyByte === TCP_OVER_IPV4 ? 4 : 16
  const found = {
    sourceAddress: ipText(block.subarray(0, size)),
    destinationAddress: ipText(block.subarray(size, 2 * size)),
    sourcePort: block.readUInt16BE(2 * size),
    destinationPort: block.readUInt16BE(2 * size + 2),
  }
  return tlvs.length === 0 ? found : { ...found, tlvs }
}

/** @returns undefined when they do not fill the header exactly, are too many, or its checksum is wrong */
function readTlvs(header: Buffer, start: number): ProxyTlv[] | undefined {
  const tlvs: ProxyTlv[] = []
  let count = 0
  for (let at = start; at < header.length;) {
    if (at + 3 > header.length || ++count > MAX_TLVS) return undefined
    const type = header[at]
    const value = at + 3
    at = value + header.readUInt16BE(at + 1)
    if (at > header.length) return undefined
    if (type === TLV_CRC32C) {
      if (at - value !== 4 || !checksumFits(header, value)) return undefined
    } else if (type !== TLV_NOOP) tlvs.push({ type, value: Buffer.from(header.subarray(value, at)) })
  }
  return tlvs
}

/** Section 2.2.3: of the whole header, with zeros where the checksum stands. */
function checksumFits(header: Buffer, at: number): boolean {
  const copy = Buffer.from(header)
  copy.fill(0, at, at + 4)
  return crc32c(copy) === header.readUInt32BE(at)
}
