import { H2ClientConnection } from '../h2/client-connection.ts'
import type { H2ClientStream } from '../h2/client-stream.ts'
import { PREFACE } from '../h2/frames.ts'
import { DEFAULT_H2_LIMITS, type H2Limits } from '../h2/limits.ts'
import { DEFAULT_H1_LIMITS, type H1Limits } from '../limits.ts'
import { NO_TIMEOUTS, type StreamTimeouts } from '../streams/client-stream.ts'
import { RecordedResponse } from './client-side.ts'
import { FakeClock } from './fake-clock.ts'
import { FrameParser, FrameWriter, settings, type Fields, type Seen } from './h2-frames.ts'
import { MemorySocket, settle } from './memory-socket.ts'
import { requestOf } from './request-of.ts'

export interface H2Ask {
  readonly method?: string
  readonly path?: string
  /** Lines with CRLF. */
  readonly fields?: string
  /** Bytes of a body that follows, or `CHUNKED`. */
  readonly bodyLength?: number
  readonly upgrade?: boolean
  readonly timeouts?: Partial<StreamTimeouts>
  readonly exchange?: RecordedResponse
}

export interface Asked {
  readonly stream: H2ClientStream
  readonly exchange: RecordedResponse
}

export interface H2ClientSideOptions {
  readonly limits?: Partial<H1Limits>
  readonly h2?: Partial<H2Limits>
  readonly assumedStreams?: number
}

/** Our side of a connection to an upstream of frames, on a memory socket and a fake clock. */
export class H2ClientSide {
  readonly socket = new MemorySocket()
  readonly clock = new FakeClock()
  readonly connection: H2ClientConnection
  readonly writer = new FrameWriter()
  readonly parser = new FrameParser()
  /** What the pool was told: `idle`, `busy`, `unusable`, `closed`. */
  readonly told: string[] = []
  private prefaceSeen = false

  constructor({ limits, h2, assumedStreams = Infinity }: H2ClientSideOptions = {}) {
    this.connection = new H2ClientConnection(this.socket.asSocket, {
      limits: { ...DEFAULT_H1_LIMITS, ...limits },
      h2: { ...DEFAULT_H2_LIMITS, ...h2 },
      deadlines: this.clock.deadlines,
      name: 'upstream.test:80',
      secure: false,
      assumedStreams,
      onMaxStreams: () => undefined,
      onUnusable: () => this.told.push('unusable'),
      onIdleChange: (_, idle) => this.told.push(idle ? 'idle' : 'busy'),
      onClosed: () => this.told.push('closed'),
    })
    this.socket.attach(this.connection)
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.receive(Buffer.concat(frames))
  }

  answer(streamId: number, fields: Fields = [[':status', '200']], endStream = false): void {
    this.send(this.writer.headers(streamId, fields, endStream))
  }

  /** Sends a request and records what comes back. */
  ask({
    method = 'GET',
    path = '/',
    fields = '',
    bodyLength = 0,
    upgrade = false,
    timeouts,
    exchange = new RecordedResponse(),
  }: H2Ask = {}): Asked {
    const stream = this.connection.openStream()
    const request = requestOf(`${method} ${path} HTTP/1.1\r\nHost: upstream.test\r\n${fields}\r\n`, upgrade)
    stream.sendRequest(exchange, request, bodyLength, { ...NO_TIMEOUTS, ...timeouts })
    return { stream, exchange }
  }

  /** What has left by the end of this turn. */
  async flush(): Promise<Seen[]> {
    await settle()
    await settle()
    let sent = this.socket.takeSent()
    if (!this.prefaceSeen && sent !== '') {
      if (!sent.startsWith(PREFACE)) throw new Error('no preface')
      sent = sent.slice(PREFACE.length)
      this.prefaceSeen = true
    }
    return this.parser.push(sent)
  }
}

/** A connection that is there, and whose SETTINGS have been exchanged. */
export async function openH2ClientSide(
  pairs: readonly (readonly [id: number, value: number])[] = [],
  options: H2ClientSideOptions = {},
): Promise<H2ClientSide> {
  const side = new H2ClientSide(options)
  side.connection.onConnected()
  side.send(settings(...pairs))
  await side.flush()
  return side
}
