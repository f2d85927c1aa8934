import { createHash } from 'node:crypto'
import type { ResponseFields } from '@sekisho/proxy'
import type { GatewaySession } from '../../session.ts'

/** Why a request opens no WebSocket. */
export interface HandshakeProblem {
  readonly status: 400 | 426
  readonly message: string
  readonly fields: ResponseFields
}

/** RFC 6455 section 4.2.1. */
export function handshakeProblem({ request }: GatewaySession): HandshakeProblem | undefined {
  const { headers } = request
  if (!request.upgrade || headers.get('upgrade')?.toLowerCase() !== 'websocket') {
    return { status: 426, message: 'Upgrade Required', fields: { Upgrade: 'websocket', Connection: 'Upgrade' } }
  }
  if (headers.get('sec-websocket-version') !== '13') {
    return { status: 426, message: 'Upgrade Required', fields: { 'Sec-WebSocket-Version': '13' } }
  }
  if (request.method === 'GET' && /^[A-Za-z0-9+/]{22}==$/.test(headers.get('sec-websocket-key') ?? '')) return undefined
  return { status: 400, message: 'Bad Request', fields: {} }
}

/** Section 1.3 of RFC 6455. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Fields of the answer that opens it. */
export function handshakeFields({ request }: GatewaySession, subprotocol: string | undefined): ResponseFields {
  const key = request.headers.get('sec-websocket-key') ?? ''
  return {
    Upgrade: 'websocket',
    'Sec-WebSocket-Accept': createHash('sha1')
      .update(key + GUID)
      .digest('base64'),
    ...(subprotocol === undefined ? {} : { 'Sec-WebSocket-Protocol': subprotocol }),
  }
}

/** Subprotocols that the client offers. */
export const offeredProtocols = ({ request }: GatewaySession): string[] =>
  (request.headers.get('sec-websocket-protocol') ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
