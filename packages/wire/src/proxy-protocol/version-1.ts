import { latin1Text } from '../sockets/latin1.ts'
import type { ProxyHeader, ProxyHeaderProblem } from './proxy-header.ts'
import { ipBytes, ipText } from './ip-bytes.ts'

/** Section 2.1: the longest line, with its CRLF. */
const MAX_LINE = 107

export const VERSION_1_START = Buffer.from('PROXY ')
const UNKNOWN = /^PROXY UNKNOWN(?: [\x20-\x7e]*)?$/
const TCP = /^PROXY TCP([46]) ([\d.a-fA-F:]+) ([\d.a-fA-F:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/

/** The line of text. Its bytes begin as they should. */
export function parseVersion1(bytes: Buffer): ProxyHeader | ProxyHeaderProblem {
  const text = latin1Text(bytes, 0, Math.min(bytes.length, MAX_LINE))
  const end = text.indexOf('\r\n')
  if (end < 0) {
    // A line that no CRLF can end any more is not waited for.
    if (/\r[^\n]|(?<!\r)\n/.test(text)) return 'MALFORMED'
    return bytes.length < MAX_LINE ? 'INCOMPLETE' : 'TOO_LARGE'
  }
  const line = text.slice(0, end)
  const length = end + 2
  if (UNKNOWN.test(line)) return { version: 1, addresses: undefined, length }
  const match = TCP.exec(line)
  if (match === null) return 'MALFORMED'
  const size = match[1] === '4' ? 4 : 16
  const source = ipBytes(match[2])
  const destination = ipBytes(match[3])
  const sourcePort = Number(match[4])
  const destinationPort = Number(match[5])
  if (source?.length !== size || destination?.length !== size || sourcePort > 65_535 || destinationPort > 65_535) {
    return 'MALFORMED'
  }
  const addresses = {
    sourceAddress: ipText(source),
    sourcePort,
    destinationAddress: ipText(destination),
    destinationPort,
  }
  return { version: 1, addresses, length }
}
