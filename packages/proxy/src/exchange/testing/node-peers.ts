import { Agent, createServer as createH1, request as h1Request } from 'node:http'
import { connect as connectH2, createServer as createH2, type ClientHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { releaseLater } from './resources.ts'

export type HttpVersion = 'h1' | 'h2'

/** One message, without what a version says in its own way. */
export interface Message {
  /** `METHOD target` or the status. */
  readonly start: string
  /** Fields whose names begin with `x-`, in order of their names. */
  readonly fields: readonly string[]
  readonly body: Buffer
  readonly trailers: readonly string[]
}

/** How a message is to be sent. */
export interface Plan extends Message {
  /** Bytes of the pieces that the body is written in. */
  readonly pieces: readonly number[]
  readonly withLength: boolean
}

const ownFields = (headers: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(headers)
    .filter(([name]) => name.startsWith('x-'))
    .map(([name, value]) => `${name}: ${String(value)}`)
    .sort()

const asObject = (fields: readonly string[]): Record<string, string> =>
  Object.fromEntries(fields.map((field) => field.split(': ') as [string, string]))

interface Sink {
  write(chunk: Buffer): boolean
  once(event: 'drain', listener: () => void): unknown
}

/** Writes the body piece by piece, each in a turn of its own, as fast as it is taken. */
async function writeBody(sink: Sink, { body, pieces }: Plan): Promise<void> {
  let at = 0
  for (const size of pieces) {
    if (at >= body.length) break
    const room = sink.write(body.subarray(at, at + size))
    at += size
    await new Promise<void>((resolve) => {
      if (room) setImmediate(resolve)
      else sink.once('drain', resolve)
    })
  }
}

async function readBody(source: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of source) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const framing = ({ withLength, body, trailers }: Plan): Record<string, string> =>
  withLength && trailers.length === 0 ? { 'content-length': String(body.length) } : {}

/** An upstream that notes each request and answers by the plan of its number, `x-number`. */
export async function startNodeUpstream(
  version: HttpVersion,
  plans: readonly Plan[],
): Promise<{ address: string; received: Message[] }> {
  const received: Message[] = []
  const note = (number: string, message: Message): Plan => {
    received[Number(number)] = message
    return plans[Number(number)]
  }
  const server =
    version === 'h1'
      ? createH1((request, response) => {
          void readBody(request).then(async (body) => {
            const trailers = ownFields(request.trailers)
            const start = `${request.method} ${request.url}`
            const plan = note(String(request.headers['x-number']), {
              start,
              fields: ownFields(request.headers),
              body,
              trailers,
            })
            const names = request.method === 'HEAD' ? '' : Object.keys(asObject(plan.trailers)).join(', ')
            const announced = names === '' ? {} : { trailer: names }
            response.writeHead(Number(plan.start), { ...asObject(plan.fields), ...framing(plan), ...announced })
            if (request.method !== 'HEAD') await writeBody(response, plan)
            if (names !== '') response.addTrailers(asObject(plan.trailers))
            response.end()
          })
        })
      : createH2().on('stream', (stream, headers) => {
          stream.on('error', () => undefined)
          let trailers: string[] = []
          stream.on('trailers', (fields) => (trailers = ownFields(fields)))
          void readBody(stream).then(async (body) => {
            const start = `${headers[':method']} ${headers[':path']}`
            const plan = note(String(headers['x-number']), { start, fields: ownFields(headers), body, trailers })
            const head = headers[':method'] === 'HEAD'
            const waitForTrailers = !head && plan.trailers.length > 0
            stream.respond(
              { ':status': Number(plan.start), ...asObject(plan.fields), ...framing(plan) },
              { waitForTrailers, endStream: head },
            )
            if (head) return
            stream.on('wantTrailers', () => stream.sendTrailers(asObject(plan.trailers)))
            await writeBody(stream, plan)
            stream.end()
          })
        })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  releaseLater(() => void server.close())
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

/** A client that sends by a plan. */
export interface NodeClient {
  send(plan: Plan): Promise<Message>
}

export function nodeClient(version: HttpVersion, port: number): NodeClient {
  return version === 'h1' ? h1Client(port) : h2Client(port)
}

function h1Client(port: number): NodeClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  releaseLater(() => agent.destroy())
  return {
    send: (plan) =>
      new Promise((resolve, reject) => {
        const [method, path] = plan.start.split(' ')
        const names = Object.keys(asObject(plan.trailers)).join(', ')
        const chunks = plan.body.length === 0 && names === '' ? {} : { 'transfer-encoding': 'chunked' }
        const length = framing(plan)
        const headers = {
          host: 'client.test',
          ...asObject(plan.fields),
          ...('content-length' in length ? length : chunks),
          ...(names === '' ? {} : { trailer: names }),
        }
        const request = h1Request({ port, host: '127.0.0.1', agent, method, path, headers }, (response) => {
          readBody(response).then((body) => {
            const fields = ownFields(response.headers)
            resolve({ start: String(response.statusCode), fields, body, trailers: ownFields(response.trailers) })
          }, reject)
        })
        request.once('error', reject)
        void writeBody(request, plan).then(() => {
          if (names !== '') request.addTrailers(asObject(plan.trailers))
          request.end()
        })
      }),
  }
}

function h2Client(port: number): NodeClient {
  const session: ClientHttp2Session = connectH2(`http://127.0.0.1:${port}`)
  releaseLater(() => session.destroy())
  return {
    send: (plan) =>
      new Promise((resolve, reject) => {
        const [method, path] = plan.start.split(' ')
        const empty = plan.body.length === 0 && plan.trailers.length === 0
        const stream = session.request(
          { ':method': method, ':path': path, ':authority': 'client.test', ...asObject(plan.fields), ...framing(plan) },
          { endStream: empty, waitForTrailers: plan.trailers.length > 0 },
        )
        let [start, fields, trailers]: [string, string[], string[]] = ['', [], []]
        stream.once('error', reject)
        stream.on('response', (headers) => {
          start = String(headers[':status'])
          fields = ownFields(headers)
        })
        stream.on('trailers', (headers) => (trailers = ownFields(headers)))
        stream.on('wantTrailers', () => stream.sendTrailers(asObject(plan.trailers)))
        readBody(stream).then((body) => resolve({ start, fields, body, trailers }), reject)
        if (!empty) void writeBody(stream, plan).then(() => stream.end())
      }),
  }
}
