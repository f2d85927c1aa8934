import type { Message } from '../reader/message.ts'

/** An address to listen on. */
export interface ListenAddress {
  /** As it stands in `listen`. */
  readonly written: number | string
  /** Undefined for a Unix socket. */
  readonly port: number | undefined
}

/** All addresses of the machine. */
const EVERY = new Set(['0.0.0.0', '::'])

/** Reads the address of a listener; undefined when there is none that we could listen on, which is told. */
export function readListenAddress(listener: Message): ListenAddress | undefined {
  const address = listener.message('address')
  const path = address?.message('pipe')?.string('path')
  if (path !== undefined) return { written: `unix:${path}`, port: undefined }
  const socket = address?.message('socket_address')
  if (socket === undefined) {
    listener.loseAll('has no address')
    return undefined
  }
  socket.boolean('ipv4_compat')
  if (socket.enumeration('protocol') === 'UDP') {
    listener.loseAll('listeners for UDP are not carried over')
    return undefined
  }
  const host = socket.string('address') ?? '0.0.0.0'
  const port = socket.number('port_value') ?? 0
  if (EVERY.has(host)) return { written: port, port }
  return { written: `${host.includes(':') ? `[${host}]` : host}:${port}`, port }
}
