import type { ProxiedAddresses } from '../sockets/connection-info.ts'
import { parseVersion1, VERSION_1_START } from './version-1.ts'
import { parseVersion2, VERSION_2_START } from './version-2.ts'

export type ProxyProtocolVersion = 1 | 2

/** A whole header of the PROXY protocol (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). */
export interface ProxyHeader {
  readonly version: ProxyProtocolVersion
  /** undefined: LOCAL, UNKNOWN, or no TCP over IP: the socket's own addresses stay. */
  readonly addresses: ProxiedAddresses | undefined
  /** Bytes of the header: what follows belongs to the protocol. */
  readonly length: number
}

/** ABSENT: the connection begins with something else. */
export type ProxyHeaderProblem = 'INCOMPLETE' | 'ABSENT' | 'MALFORMED' | 'TOO_LARGE'

/** Reads a header from the first bytes of a connection. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | ProxyHeaderProblem {
  if (startsAs(bytes, VERSION_1_START)) return parseVersion1(bytes)
  if (startsAs(bytes, VERSION_2_START)) return parseVersion2(bytes)
  return 'ABSENT'
}

/** As far as there are bytes. */
const startsAs = (bytes: Buffer, start: Buffer): boolean => {
  const length = Math.min(bytes.length, start.length)
  return bytes.compare(start, 0, length, 0, length) === 0
}
