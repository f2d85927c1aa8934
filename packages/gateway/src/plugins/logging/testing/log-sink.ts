import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { createServer as createTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'

export interface SunkRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

type Answer = { readonly status: number; readonly body?: string } | 'nothing'

/** A server that takes logs over HTTP: what it was sent, and answers as the test likes. */
export interface LogSink {
  readonly url: string
  readonly port: number
  readonly requests: SunkRequest[]
  /** What it answers; `nothing`: it lets the client wait. */
  answer: (request: SunkRequest) => Answer
  /** Waits for so many requests. */
  received(count: number): Promise<readonly SunkRequest[]>
  /** Is away, and comes back on the same port. */
  pause(): Promise<void>
  resume(): Promise<void>
  close(): Promise<void>
}

/** @param tls PEM of a certificate and its key, for https */
export async function startLogSink(tls?: { readonly cert: string; readonly key: string }): Promise<LogSink> {
  const requests: SunkRequest[] = []
  const listener = (
    request: Parameters<Parameters<typeof createServer>[1] & object>[0],
    response: import('node:http').ServerResponse,
  ): void => {
    void text(request).then((body) => {
      const sunk = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body }
      requests.push(sunk)
      const answer = sink.answer(sunk)
      if (answer === 'nothing') return
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body ?? '{}')
    })
  }
  const server: Server = tls === undefined ? createServer(listener) : (createTls(tls, listener) as unknown as Server)
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  const sink: LogSink = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    requests,
    answer: () => ({ status: 200 }),
    received: async (count) => {
      await expect.poll(() => requests.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(count)
      return requests
    },
    pause,
    resume: () => listen(port),
    close: () => (server.listening ? pause() : Promise.resolve()),
  }
  return sink
}
