import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as the upstream got it. */
export interface EchoedRequest {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string | string[] | undefined>
  readonly rawHeaders: readonly string[]
  readonly body: string
}

export interface EchoUpstream {
  readonly port: number
  /** All requests so far. */
  readonly requests: EchoedRequest[]
  close(): Promise<void>
}

/**
 * The upstream of tests: answers 200 with JSON of what it got. `/status/NNN` answers that status, `/bytes/N` answers N times `x`, `/delay/N` after N ms; a request
 * header `x-answer-headers` (JSON) adds response headers, `x-answer-body` replaces the body.
 */
export async function startEcho(): Promise<EchoUpstream> {
  const requests: EchoedRequest[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers, rawHeaders } = request
      const echoed: EchoedRequest = { method, url, headers, rawHeaders, body: Buffer.concat(chunks).toString('utf8') }
      requests.push(echoed)
      const status = Number(/^\/status\/(\d+)/.exec(url)?.[1] ?? 200)
      const bytes = /^\/bytes\/(\d+)/.exec(url)?.[1]
      const extra = headers['x-answer-headers']
      const given = headers['x-answer-body']
      const body =
        typeof given === 'string' ? given : bytes === undefined ? JSON.stringify(echoed) : 'x'.repeat(Number(bytes))
      const delay = /^\/delay\/(\d+)/.exec(url)?.[1]
      const send = (): void => {
        response.writeHead(status, {
          'x-echo': '1',
          'content-type': bytes === undefined ? 'application/json' : 'text/plain',
          'content-length': status === 204 || status === 304 ? 0 : Buffer.byteLength(body),
          ...(typeof extra === 'string' ? (JSON.parse(extra) as Record<string, string>) : {}),
        })
        response.end(status === 204 || status === 304 || method === 'HEAD' ? undefined : body)
      }
      if (delay === undefined) send()
      else setTimeout(send, Number(delay))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
