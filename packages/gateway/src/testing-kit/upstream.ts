import { joined } from './answer.ts'

/** A request as an upstream got it. */
export interface UpstreamRequest {
  /** The node it went to, `127.0.0.1:3000`. */
  readonly address: string
  readonly method: string
  /** Path and query. */
  readonly url: string
  /** Names in lower case; repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly rawHeaders: readonly (readonly [name: string, value: string])[]
  /** As UTF-8. */
  readonly body: string
  /** As they came, one after the other. */
  readonly pieces: readonly Buffer[]
}

/** What an upstream answers. */
export interface UpstreamAnswer {
  /** Default: 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** A list is sent piece by piece, without a length; an object as JSON; anything else whole. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[] | object
  /** Behind a body that is sent piece by piece. */
  readonly trailers?: Readonly<Record<string, string>>
  /** There is no answer, but this happens: the connection is refused, closed, or nothing comes in time. */
  readonly fails?: 'CONNECT_REFUSED' | 'RESET' | 'READ_TIMEOUT'
}

/** Answers requests; may wait. */
export type Upstream = UpstreamAnswer | ((request: UpstreamRequest) => UpstreamAnswer | Promise<UpstreamAnswer>)

/**
 * The upstream of tests that name none: answers 200 with JSON of what it got. `/status/NNN` answers that status, `/bytes/N` answers N times `x`;
 * a request header `x-answer-headers` (JSON) adds response headers, `x-answer-body` is the body.
 */
export function echo({ method, url, headers, rawHeaders, body }: UpstreamRequest): UpstreamAnswer {
  const status = Number(/^\/status\/(\d{3})/.exec(url)?.[1] ?? 200)
  const bytes = /^\/bytes\/(\d+)/.exec(url)?.[1]
  const extra = headers['x-answer-headers']
  const seen = { method, url, headers, rawHeaders: rawHeaders.flat(), body }
  return {
    status,
    headers: {
      'x-echo': '1',
      'content-type': bytes === undefined ? 'application/json' : 'text/plain',
      ...(extra === undefined ? {} : (JSON.parse(extra) as Record<string, string>)),
    },
    body: headers['x-answer-body'] ?? (bytes === undefined ? JSON.stringify(seen) : 'x'.repeat(Number(bytes))),
  }
}

export const upstreamRequest = (
  address: string,
  line: { readonly method: string; readonly target: string },
  rawHeaders: UpstreamRequest['rawHeaders'],
  pieces: readonly Buffer[],
): UpstreamRequest => ({
  address,
  method: line.method,
  url: line.target,
  headers: joined(rawHeaders),
  rawHeaders,
  body: Buffer.concat(pieces).toString('utf8'),
  pieces,
})
