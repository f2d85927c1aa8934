import { trimOws } from '../headers/characters.ts'
import type { Headers } from '../headers/headers.ts'

/**
 * Takes out the fields that concern one hop (RFC 9110 section 7.6.1): the known ones and those that Connection names. A
 * client must not be able to strip what framing, routing and authentication stand on by naming it in Connection.
 */
export function removeHopByHop(headers: Headers): void {
  const connection = headers.get('connection')
  if (connection !== undefined) {
    for (const option of connection.split(',')) {
      const name = trimOws(option).toLowerCase()
      if (name !== '' && !END_TO_END.has(name)) headers.delete(name)
    }
    headers.delete('connection')
  }
  for (const name of HOP_BY_HOP) headers.delete(name)
}

/**
 * Takes out the fields that Connection names, before anybody acts on a request: who adds a field of that name later (the name of the
 * caller, say) means it for the next hop, and a client must not be able to have it taken out again.
 */
export function removeNamedFields(headers: Headers): void {
  const connection = headers.get('connection')
  if (connection === undefined) return
  const kept: string[] = []
  let removed = false
  for (const option of connection.split(',')) {
    const name = trimOws(option).toLowerCase()
    if (name === '' || END_TO_END.has(name)) removed = true
    else if (CONNECTION_OPTIONS.has(name)) kept.push(name)
    else {
      headers.delete(name)
      removed = true
    }
  }
  if (!removed) return
  if (kept.length === 0) headers.delete('connection')
  else headers.set('Connection', kept.join(', '))
}

/** What Connection says of the connection, or of fields that are never end to end. */
const CONNECTION_OPTIONS = new Set(['close', 'keep-alive', 'upgrade', 'te', 'proxy-connection', 'http2-settings'])

const HOP_BY_HOP = ['keep-alive', 'proxy-connection', 'te', 'upgrade']
const END_TO_END = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'content-type',
  'content-encoding',
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'cache-control',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-real-ip',
])
