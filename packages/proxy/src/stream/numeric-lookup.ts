import type { SocketOptions } from 'node:dgram'
import { lookup } from 'node:dns'
import { isIP } from 'node:net'

/**
 * Addresses at once, names by the system. Node defers even an address to the next tick, which is too late for what is sent right before a
 * socket is closed.
 */
export const numericLookup: NonNullable<SocketOptions['lookup']> = (name, options, callback) => {
  const family = isIP(name)
  if (family === 0) lookup(name, options, callback)
  else callback(null, name, family)
}
