import hpack from 'hpack.js'
import { connect, type Socket } from 'node:net'
import { releaseLater } from './resources.ts'

export type RawFields = readonly (readonly [name: string, value: string])[]

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** A frame, byte for byte. */
export function frame(type: number, flags: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

/** Literals without an index and without Huffman's code: whatever bytes they are. */
function block(fields: RawFields): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1')
    const long = [127, ((bytes.length - 127) & 0x7f) | 0x80, (bytes.length - 127) >> 7]
    return Buffer.concat([Buffer.from(bytes.length < 127 ? [bytes.length] : long), bytes])
  }
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]))
}

/** What came back on one stream. */
export class RawStream {
  readonly fields: (readonly [string, string])[] = []
  body = ''
  /** END_STREAM came. */
  complete = false
  resetCode: number | undefined

  get status(): number {
    return Number(this.fields.find(([name]) => name === ':status')?.[1])
  }
}

/** A client of HTTP/2 on a plain socket that sends what it is told, be it right or wrong. */
export class RawH2Client {
  readonly socket: Socket
  /** GOAWAY came, or the connection is gone. */
  gone = false
  private readonly streams = new Map<number, RawStream>()
  private readonly decompressor = hpack.decompressor.create({ table: { maxSize: 4_096 } })
  private rest: Buffer = Buffer.alloc(0)
  private wake: (() => void) | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => this.read(bytes))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.gone = true
      this.wake?.()
    })
    socket.write(Buffer.concat([Buffer.from(PREFACE), frame(4, 0, 0)]))
    releaseLater(() => void socket.destroy())
  }

  static connect(port: number): Promise<RawH2Client> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new RawH2Client(socket)))
    })
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames))
  }
  headers(id: number, fields: RawFields, end: boolean): void {
    this.send(frame(1, end ? 5 : 4, id, block(fields)))
  }
  data(id: number, text: string, end: boolean): void {
    this.send(frame(0, end ? 1 : 0, id, Buffer.from(text, 'latin1')))
  }

  stream(id: number): RawStream {
    let stream = this.streams.get(id)
    if (stream === undefined) this.streams.set(id, (stream = new RawStream()))
    return stream
  }

  /** The stream when it is answered, reset, or lost with its connection. */
  async over(id: number): Promise<RawStream> {
    const stream = this.stream(id)
    while (!stream.complete && stream.resetCode === undefined && !this.gone) {
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
    return stream
  }

  private read(bytes: Buffer): void {
    this.rest = Buffer.concat([this.rest, bytes])
    while (this.rest.length >= 9) {
      const length = this.rest.readUIntBE(0, 3)
      if (this.rest.length < 9 + length) break
      const [type, flags] = [this.rest[3], this.rest[4]]
      this.take(type, flags, this.rest.readUInt32BE(5), this.rest.subarray(9, 9 + length))
      this.rest = this.rest.subarray(9 + length)
    }
    this.wake?.()
  }

  private take(type: number, flags: number, id: number, payload: Buffer): void {
    const stream = this.stream(id)
    if (type === 0) stream.body += payload.toString('latin1')
    if (type === 1) {
      this.decompressor.write(payload)
      this.decompressor.execute()
      for (;;) {
        const field = this.decompressor.read() as { name: string; value: string } | null
        if (field === null) break
        stream.fields.push([field.name, field.value])
      }
    }
    if (type === 3) stream.resetCode = payload.readUInt32BE(0)
    if (type === 7) this.gone = true
    if (type < 2 && (flags & 1) !== 0) stream.complete = true
  }
}
