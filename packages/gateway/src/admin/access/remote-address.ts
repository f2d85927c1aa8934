import type { AdminContext } from '../admin-options.ts'

/** The client's address; `local` for a Unix socket, and for calls without a socket. */
export const remoteAddress = (c: AdminContext): string =>
  // IPv4 on a socket that takes both is written as IPv6.
  c.env?.incoming?.socket.remoteAddress?.replace(/^::ffff:/, '') ?? 'local'
