import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { pairsOf } from './answer.ts'
import { bytesOf } from './test-request.ts'
import { echo, type Upstream, type UpstreamAnswer, type UpstreamRequest, upstreamRequest } from './upstream.ts'

/** A server on a socket that answers as an `Upstream` says. */
export interface UpstreamServer {
  /** `127.0.0.1:PORT`, as it is written among `nodes`. */
  readonly address: string
  /** All requests so far. */
  readonly requests: readonly UpstreamRequest[]
  close(): Promise<void>
}

/** Starts a server on a free port of 127.0.0.1: an upstream, or a service that a plugin calls. Default: 200, with JSON of what it got. */
export async function startUpstream(upstream: Upstream = echo): Promise<UpstreamServer> {
  const requests: UpstreamRequest[] = []
  let address = ''
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', rawHeaders } = request
    const seen = upstreamRequest(address, { method, target: url }, pairsOf(rawHeaders), [await buffer(request)])
    requests.push(seen)
    const given = typeof upstream === 'function' ? await upstream(seen) : upstream
    if (given.fails === 'READ_TIMEOUT') return
    if (given.fails !== undefined) throw new Error(given.fails)
    const { status = 200, headers = {}, trailers = {} } = given
    const pieces = piecesOf(given)
    const length = pieces.length === 1 ? { 'content-length': pieces[0]!.length } : {}
    response.writeHead(status, { ...length, ...(headers as Record<string, string | string[]>) })
    for (const piece of pieces) response.write(piece)
    response.addTrailers(trailers)
    response.end()
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    address,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function piecesOf({ body = '' }: UpstreamAnswer): Buffer[] {
  if (Array.isArray(body)) return (body as readonly (string | Uint8Array)[]).map(bytesOf)
  return [typeof body === 'string' || body instanceof Uint8Array ? bytesOf(body) : Buffer.from(JSON.stringify(body))]
}
