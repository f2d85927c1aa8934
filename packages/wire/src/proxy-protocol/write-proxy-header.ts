import type { ProxiedAddresses } from '../sockets/connection-info.ts'
import { ipBytes, ipText } from './ip-bytes.ts'
import type { ProxyProtocolVersion } from './proxy-header.ts'
import { FIXED_PART, LOCAL, PROXY, TCP_OVER_IPV4, TCP_OVER_IPV6, VERSION_2_START } from './version-2.ts'

/**
 * The header to send first on a connection. Without addresses, or with some that are no IPs (a client on a Unix socket): one that says
 * that they are unknown. `tlvs` are sent in version 2.
 *
 * In version 2 that is LOCAL: haproxy refuses PROXY with an unspecified family, though section 2.2 has it.
 */
export function writeProxyHeader(version: ProxyProtocolVersion, addresses: ProxiedAddresses | undefined): Buffer {
  const source = ipBytes(addresses?.sourceAddress ?? '')
  const destination = ipBytes(addresses?.destinationAddress ?? '')
  if (addresses === undefined || source === undefined || destination === undefined) {
    return version === 1 ? Buffer.from('PROXY UNKNOWN\r\n') : version2(LOCAL, 0, [])
  }
  const size = Math.max(source.length, destination.length)
  const { sourcePort, destinationPort } = addresses
  if (version === 1) {
    const family = size === 4 ? 'TCP4' : 'TCP6'
    const text = (bytes: Buffer): string => (bytes.length === size ? ipText(bytes) : `::ffff:${ipText(bytes)}`)
    return Buffer.from(`PROXY ${family} ${text(source)} ${text(destination)} ${sourcePort} ${destinationPort}\r\n`)
  }
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(sourcePort, 0)
  ports.writeUInt16BE(destinationPort, 2)
  const tlvs = (addresses.tlvs ?? []).flatMap(({ type, value }) => {
    const head = Buffer.from([type, 0, 0])
    head.writeUInt16BE(value.length, 1)
    return [head, value]
  })
  return version2(PROXY, size === 4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6, [
    widen(source, size),
    widen(destination, size),
    ports,
    ...tlvs,
  ])
}

function version2(command: number, family: number, block: readonly Buffer[]): Buffer {
  const fixed = Buffer.alloc(FIXED_PART)
  VERSION_2_START.copy(fixed)
  fixed[12] = command
  fixed[13] = family
  const body = Buffer.concat(block)
  fixed.writeUInt16BE(body.length, 14)
  return Buffer.concat([fixed, body])
}

/** An IPv4 address beside an IPv6 one is written as ::ffff:a.b.c.d. */
function widen(address: Buffer, size: number): Buffer {
  if (address.length === size) return address
  return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), address])
}
