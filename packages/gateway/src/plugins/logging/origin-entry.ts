import type { GatewaySession } from '../../session.ts'
import type { LogBodies } from './default-entry.ts'

/** As in entries of JSON. */
const CREDENTIALS = /^(authorization|proxy-authorization|cookie|apikey|x-api-key):[^\r\n]*/gim

/** What the client sent, as text: request line, fields, an empty line, and the body where it was kept. `meta_format: origin` of kafka-logger. */
export function originEntry({ request, protocol }: GatewaySession, bodies: LogBodies): string {
  return `${request.method} ${request.target} ${protocol}\r\n${request.headers.block.replace(CREDENTIALS, '$1: ***')}\r\n${bodies.request ?? ''}`
}
