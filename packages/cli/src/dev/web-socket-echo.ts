import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const TEXT = 0x81
const CLOSE = 0x88
const PING = 9
const PONG = 0x8a
/** Payloads up to this length have it in one byte, or in two behind it. Longer ones are not worth the lines in a demo. */
const MAX_PAYLOAD = 65_535

/** Greets, and sends every message back: RFC 6455 as far as a person at a prompt needs it. */
export function echoWebSocket(request: IncomingMessage, socket: Socket, head: Buffer): void {
  const key = request.headers['sec-websocket-key']
  if (request.headers.upgrade?.toLowerCase() !== 'websocket' || key === undefined) {
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    return
  }
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  socket.write(frame(TEXT, Buffer.from('say something, and it comes back')))
  let pending: Buffer = head
  const read = (chunk: Buffer): void => {
    pending = takeFrames(Buffer.concat([pending, chunk]), socket)
  }
  socket.on('data', read)
  // The peer may go at any time; there is nobody to tell.
  socket.on('error', () => socket.destroy())
  if (head.length > 0) read(Buffer.alloc(0))
}

/** Answers each whole frame; returns the bytes of one that is not there yet. */
function takeFrames(bytes: Buffer, socket: Socket): Buffer {
  for (let rest = bytes; ;) {
    const found = readFrame(rest)
    if (found === undefined) return rest
    if (found === 'bad') {
      socket.end(frame(CLOSE, Buffer.alloc(0)))
      return Buffer.alloc(0)
    }
    const opcode = found.first & 0x0f
    if (found.first === CLOSE) socket.end(frame(CLOSE, found.payload))
    else socket.write(frame(opcode === PING ? PONG : found.first, found.payload))
    rest = rest.subarray(found.end)
  }
}

/** One frame of a client, whose payload is masked (RFC 6455 section 5.2). Undefined: more bytes are needed. */
function readFrame(bytes: Buffer): { first: number; payload: Buffer; end: number } | 'bad' | undefined {
  if (bytes.length < 2) return undefined
  const length = bytes[1] & 0x7f
  if ((bytes[1] & 0x80) === 0 || length === 127) return 'bad'
  const start = length === 126 ? 4 : 2
  if (bytes.length < start + 4) return undefined
  const size = length === 126 ? bytes.readUInt16BE(2) : length
  const end = start + 4 + size
  if (bytes.length < end) return undefined
  const payload = Buffer.from(bytes.subarray(start + 4, end))
  for (let at = 0; at < size; at++) payload[at] ^= bytes[start + (at & 3)]
  return { first: bytes[0], payload, end }
}

/** One frame of a server: not masked. */
function frame(first: number, payload: Buffer): Buffer {
  if (payload.length > MAX_PAYLOAD) throw new RangeError(`a frame holds ${MAX_PAYLOAD} bytes at most here`)
  const size = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 0xff]
  return Buffer.concat([Buffer.from([first, ...size]), payload])
}
