import { once } from 'node:events'
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { randomBytes } from 'node:crypto'

/** One frame as it was received. */
export interface ReceivedFrame {
  readonly opcode: number
  readonly final: boolean
  readonly payload: Buffer
}

/** A WebSocket over HTTP/2 (RFC 8441) on `node:http2`, with frames by hand: no client on npm speaks it. */
export class H2WebSocket {
  readonly stream: ClientHttp2Stream
  readonly frames: ReceivedFrame[] = []
  ended = false
  private readonly session: ClientHttp2Session
  private buffer = Buffer.alloc(0)
  private wake: (() => void) | undefined

  private constructor(session: ClientHttp2Session, stream: ClientHttp2Stream) {
    this.session = session
    this.stream = stream
    stream.on('data', (chunk: Buffer) => this.receive(chunk))
    stream.on('end', () => {
      this.ended = true
      this.wake?.()
    })
    stream.on('error', () => undefined)
  }

  static async open(
    origin: string,
    path = '/',
  ): Promise<{ socket: H2WebSocket; status: number; fields: Record<string, unknown> }> {
    const session = connect(origin, { rejectUnauthorized: false })
    session.on('error', () => undefined)
    await once(session, 'remoteSettings')
    const stream = session.request(
      { ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, 'sec-websocket-version': '13' },
      { endStream: false },
    )
    const [fields] = (await once(stream, 'response')) as [Record<string, unknown>]
    return { socket: new H2WebSocket(session, stream), status: Number(fields[':status']), fields }
  }

  send(opcode: number, payload: Uint8Array, final = true): void {
    const mask = randomBytes(4)
    const masked = Buffer.from(payload.map((byte, at) => byte ^ mask[at & 3]))
    const { length } = masked
    const size =
      length < 126 ? Buffer.from([0x80 | length]) : length < 65_536 ? Buffer.alloc(3, 0xfe) : Buffer.alloc(9, 0xff)
    if (size.length === 3) size.writeUInt16BE(length, 1)
    if (size.length === 9) size.writeBigUInt64BE(BigInt(length), 1)
    this.stream.write(Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode]), size, mask, masked]))
  }

  /** The `number`th frame (from 1), once it has come. */
  async frame(number = 1): Promise<ReceivedFrame> {
    while (this.frames.length < number && !this.ended) await new Promise<void>((resolve) => (this.wake = resolve))
    return this.frames[number - 1]
  }

  close(): void {
    this.stream.close()
    this.session.destroy()
  }

  private receive(chunk: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, chunk])
    for (;;) {
      const { buffer } = this
      if (buffer.length < 2) break
      const short = buffer[1] & 0x7f
      const head = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0)
      if (buffer.length < head) break
      const length = short === 126 ? buffer.readUInt16BE(2) : short === 127 ? Number(buffer.readBigUInt64BE(2)) : short
      if (buffer.length < head + length) break
      const first = buffer[0]
      this.frames.push({ opcode: first & 15, final: first >= 0x80, payload: buffer.subarray(head, head + length) })
      this.buffer = buffer.subarray(head + length)
    }
    this.wake?.()
  }
}
