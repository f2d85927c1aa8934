import type { Socket } from 'node:net'
import { adoptHandle, ownByEvents, type SocketOwner } from '@sekisho/wire'

/** What `net.Socket` keeps: undocumented, but what `node:cluster` and `net.Server` stand on; the same in Node 20, 24 and 26. */
interface SocketParts {
  _handle?: { readonly readStart?: unknown } | null
  /** Whose connections are counted: it decreases when the socket is closed. */
  _server?: unknown
}

/**
 * Gives a socket that nobody has read from to an owner. Where it is possible its handle goes to another socket that reads into the owner's buffer:
 * `data` events cost 2 of the 20 µs of an invocation, and 64 KiB of fresh memory a read. The socket that was given is then an empty shell.
 */
export function takeSocket(socket: Socket, create: (socket: Socket) => SocketOwner): void {
  const parts = socket as unknown as SocketParts
  const handle = parts._handle
  if (typeof handle?.readStart !== 'function' || socket.readableLength > 0 || socket.destroyed) {
    // Half a close is not a close: a shell's client may shut its side before it has read the answer.
    socket.allowHalfOpen = true
    ownByEvents(socket, create(socket))
    return
  }
  socket.setNoDelay(true)
  parts._handle = null
  const adopted = adoptHandle(handle, create) as unknown as SocketParts
  adopted._server = parts._server
  parts._server = null
}
