import type { ListenAddress } from '../config/settings/listen.ts'

/** An address as the server takes it: a port for every address, else `host:port`, `[v6]:port` or `unix:/path`. */
export function listenText({ host, port, path }: ListenAddress): string | number {
  if (path !== undefined) return `unix:${path}`
  if (host === undefined || host === '') return port
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
