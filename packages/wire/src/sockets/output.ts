import type { Socket } from 'node:net'
import { latin1TextOf } from './latin1.ts'

/** What became of bytes that were handed to a socket: they left, or were copied: the memory is free. */
export const SENT = 0
/** They wait in the socket's queue: the memory must stay as it is. */
export const HELD = 1
/** They wait, and the queue is over its high-water mark: send no more until it has drained. */
export const STALLED = 2
export type Sent = typeof SENT | typeof HELD | typeof STALLED

/** Bytes that may wait for a slow peer: two reads, so that the other side is not stopped and started for each one. */
export const HIGH_WATER_MARK = 262_144

/** Up to here a chunk and its framing leave as one string in one system call: the copy is cheaper than the second buffer. */
const TEXT_LIMIT = 8_192

/** Sends bytes as they are; the memory belongs to the socket while it says HELD or STALLED. */
export function sendBytes(socket: Socket, bytes: Uint8Array): Sent {
  const room = socket.write(bytes)
  if (socket.writableLength === 0) return SENT
  return room ? HELD : STALLED
}

/**
 * Sends one chunk of a chunked body. What is sent in one turn of the event loop (several chunks, the last one, trailers) leaves in
 * one system call; the bytes are copied, so the answer is never HELD.
 */
export function sendChunk(socket: Socket, bytes: Uint8Array): Sent {
  corkForThisTurn(socket)
  const size = bytes.length.toString(16) + '\r\n'
  if (bytes.length <= TEXT_LIMIT) {
    const text = size + latin1TextOf(bytes) + '\r\n'
    return socket.write(text, 'latin1') ? SENT : STALLED
  }
  socket.write(size, 'latin1')
  socket.write(Buffer.from(bytes))
  return socket.write('\r\n', 'latin1') ? SENT : STALLED
}

export function sendLastChunk(socket: Socket, trailers: string): void {
  socket.write(trailers === '' ? '0\r\n\r\n' : '0\r\n' + trailers + '\r\n', 'latin1')
}

/** Bytes that wait in the kernel's way: `writableLength` counts a write as a whole until its last byte has left. */
export function queuedBytes(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { writeQueueSize?: number } | null })._handle
  return handle?.writeQueueSize ?? socket.writableLength
}

/** Gathers what is written in this turn of the event loop into one system call. */
export function corkForThisTurn(socket: Socket): void {
  if (socket.writableCorked > 0) return
  socket.cork()
  process.nextTick(uncork, socket)
}

const uncork = (socket: Socket): void => socket.uncork()
