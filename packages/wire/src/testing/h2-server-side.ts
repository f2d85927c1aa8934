import { DEFAULT_H2_LIMITS, type H2Limits } from '../h2/limits.ts'
import { H2ServerConnection } from '../h2/server-connection.ts'
import { DEFAULT_H1_LIMITS, type H1Limits } from '../limits.ts'
import { ClientEnd } from '../sockets/client-end.ts'
import { PLAIN } from '../sockets/connection-info.ts'
import { FakeClock } from './fake-clock.ts'
import { FrameParser, FrameWriter, preface, settings, type Fields, type Seen } from './h2-frames.ts'
import { MemorySocket, settle } from './memory-socket.ts'
import { RecordingHandler, type RecordedRequest } from './server-side.ts'

export const REQUEST: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a.test'],
  [':path', '/'],
]

/** A request with other fields: those of `REQUEST` that are named are replaced, others follow. */
export function request(...fields: Fields): Fields {
  const own = new Map(fields)
  return [
    ...REQUEST.map(([name, value]) => [name, own.get(name) ?? value] as const),
    ...fields.filter(([name]) => !REQUEST.some(([each]) => each === name)),
  ]
}

export const post = (...fields: Fields): Fields => request([':method', 'POST'], ...fields)

export interface H2SideOptions {
  readonly limits?: Partial<H1Limits>
  readonly h2?: Partial<H2Limits>
  /** Pairs of the client's SETTINGS. */
  readonly settings?: readonly (readonly [id: number, value: number])[]
}

/** A client of frames, on a memory socket and a fake clock, and our side of its connection. */
export class H2ServerSide {
  readonly socket = new MemorySocket()
  readonly clock = new FakeClock()
  readonly handler: RecordingHandler
  readonly connection: H2ServerConnection
  readonly writer = new FrameWriter()
  readonly parser = new FrameParser()

  constructor(onEach: (request: RecordedRequest) => void, { limits, h2 }: H2SideOptions = {}) {
    this.handler = new RecordingHandler(onEach)
    this.connection = new H2ServerConnection(this.socket.asSocket, new ClientEnd(this.socket.asSocket, PLAIN), {
      handler: this.handler,
      limits: { ...DEFAULT_H1_LIMITS, ...limits },
      h2: { ...DEFAULT_H2_LIMITS, ...h2 },
      deadlines: this.clock.deadlines,
    })
    this.socket.attach(this.connection)
  }

  get requests(): RecordedRequest[] {
    return this.handler.requests
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.receive(Buffer.concat(frames))
  }

  /** Opens a stream. */
  ask(streamId: number, fields: Fields = REQUEST, endStream = true): void {
    this.send(this.writer.headers(streamId, fields, endStream))
  }

  /** What has left by the end of this turn. */
  async flush(): Promise<Seen[]> {
    await settle()
    await settle()
    return this.parser.push(this.socket.takeSent())
  }
}

/** A connection whose preface and SETTINGS have been exchanged. */
export async function openH2ServerSide(
  onEach: (request: RecordedRequest) => void,
  options: H2SideOptions = {},
): Promise<H2ServerSide> {
  const side = new H2ServerSide(onEach, options)
  side.send(preface, settings(...(options.settings ?? [])))
  await side.flush()
  return side
}
