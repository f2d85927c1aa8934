import { H1ServerConnection } from '../h1/server-connection.ts'
import { DEFAULT_H1_LIMITS, type H1Limits } from '../limits.ts'
import { FakeClock } from './fake-clock.ts'
import { MemorySocket } from './memory-socket.ts'
import { RecordingHandler, type RecordedRequest } from './server-side.ts'

/** One request as a server understood it. */
export interface Understood {
  readonly method: string
  readonly target: string
  readonly version: string
  /** Name and value, in order, with the white space around values taken off. */
  readonly fields: readonly (readonly [string, string])[]
  readonly body: string
  readonly trailers: readonly (readonly [string, string])[]
}

/** What a server made of the bytes of one connection. */
export interface Interpretation {
  /** The requests that were complete. */
  readonly requests: readonly Understood[]
  /** `ok`: nothing is left over; `incomplete`: more would have to come; else why the rest was refused. */
  readonly end: string
}

/** Pairs of the lines of a field section. */
export const fieldPairs = (block: string): [string, string][] =>
  block
    .split('\r\n')
    .slice(0, -1)
    .map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')]
    })

const understood = ({ head, body, trailers }: RecordedRequest): Understood => ({
  method: head.method,
  target: head.target,
  version: `1.${head.minorVersion}`,
  fields: fieldPairs(head.headers.block),
  body,
  trailers: fieldPairs(trailers ?? ''),
})

function answerWhenComplete(request: RecordedRequest): void {
  request.onEnd = () => request.respond('')
  if (request.head.bodyLength === 0) {
    request.trailers = ''
    request.respond('')
  } else request.connection.readRequestBody()
}

const clock = new FakeClock()

/** What our server makes of `bytes` when they come in reads that end at `ends`. */
export function interpret(bytes: string, ends: readonly number[] = [], limits: Partial<H1Limits> = {}): Interpretation {
  const socket = new MemorySocket()
  const handler = new RecordingHandler(answerWhenComplete)
  const options = { handler, limits: { ...DEFAULT_H1_LIMITS, ...limits }, deadlines: clock.deadlines, draining: false }
  const connection = new H1ServerConnection(socket.asSocket, options)
  socket.attach(connection)
  let start = 0
  for (const end of [...ends, bytes.length]) {
    if (end > start) socket.receive(bytes.slice(start, end))
    start = Math.max(start, end)
  }
  const refused = handler.refusals[0] ?? handler.requests.at(-1)?.refused
  const requests = handler.requests.filter((one) => one.complete).map(understood)
  const end = refused?.code ?? (connection.idle || socket.writableEnded ? 'ok' : 'incomplete')
  clock.deadlines.remove(connection)
  socket.destroy()
  return { requests, end }
}

/** The bytes of a request that means the same: one framing, one chunk. */
export function serialise({ method, target, version, fields, body, trailers }: Understood): string {
  const lines = (pairs: Understood['fields']): string => pairs.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const head = `${method} ${target} HTTP/${version}\r\n${lines(fields)}\r\n`
  if (!fields.some(([name]) => name.toLowerCase() === 'transfer-encoding')) return head + body
  const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`
  return `${head}${chunk}0\r\n${lines(trailers)}\r\n`
}
