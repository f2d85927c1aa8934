import type { Socket } from 'node:net'
import type { ClientEnd } from '../sockets/client-end.ts'

/** A connection from a client, whatever it speaks: what its listener needs to know of it. */
export interface ServerConnection {
  readonly socket: Socket
  readonly client: ClientEnd
  /** No request is on it, and nothing of a next one has been received. */
  readonly idle: boolean
  /** Closes when what was begun is over, telling the client in the protocol's own way. */
  drain(): void
  /** Cuts the connection now. */
  destroy(): void
}
