import type { StreamClient } from '@sekisho/proxy'

/** Reads a variable of a session. */
export type StreamVariable = (session: { readonly client: StreamClient; readonly serverName: string }) => string

/** The variables that a session without requests has, by the names that they have in requests. */
const READERS: Readonly<Record<string, StreamVariable>> = {
  remote_addr: ({ client }) => client.remoteAddress,
  remote_port: ({ client }) => String(client.remotePort),
  server_addr: ({ client }) => client.localAddress,
  server_port: ({ client }) => String(client.localPort),
  ssl_server_name: ({ serverName }) => serverName,
}

export const STREAM_VARIABLES: readonly string[] = Object.keys(READERS)

/** undefined: there is none of that name. */
export const streamVariable = (name: string): StreamVariable | undefined =>
  Object.hasOwn(READERS, name) ? READERS[name] : undefined
