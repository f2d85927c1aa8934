import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { type RequestToSign, signRequest } from '@sekisho/functions/signature'
import type { Endpoint } from './endpoint.ts'
import { unreachable } from './failures.ts'

/** Of an answer that is read whole: more than any that there is. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
/** What is written at once of a large body, so that its progress can be told. */
const PIECE_BYTES = 256 * 1024

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With the query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** `lambda` unless said otherwise. */
  readonly service?: string
  readonly signal?: AbortSignal
  /** Told as the body leaves. */
  readonly onSent?: (bytes: number, of: number) => void
}

/** A JSON body with its type. */
export const withBody = (body: object): Pick<HttpCall, 'headers' | 'body'> => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** Requests to one endpoint over connections that stay open; signed when there are credentials. */
export class HttpCaller {
  readonly endpoint: Endpoint
  /** For messages. */
  readonly address: string
  readonly #agent: HttpAgent

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint
    this.address = endpoint.url.href.replace(/\/$/, '')
    const options = { keepAlive: true, maxSockets: 4 }
    this.#agent = endpoint.url.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options)
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Resolves with the head of the answer; its body is still to be read. Rejects with a Failure that says what to do. */
  async call(call: HttpCall): Promise<IncomingMessage> {
    const url = new URL(`${this.address}${call.path}`)
    const body = typeof call.body === 'string' ? Buffer.from(call.body) : call.body
    const headers = this.#headers(call, url, body)
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    return new Promise<IncomingMessage>((resolve, reject) => {
      const options = { method: call.method, headers, agent: this.#agent, ...(call.signal && { signal: call.signal }) }
      const request = send(url, options, resolve)
      request.once('error', (error) => reject(call.signal?.aborted === true ? error : unreachable(this.address, error)))
      writeAll(body ?? new Uint8Array(), (piece) => request.write(piece), {
        onDrain: (again) => request.once('drain', again),
        onSent: call.onSent,
        end: () => request.end(),
      })
    })
  }

  #headers(call: HttpCall, url: URL, body: Uint8Array | undefined): Record<string, string> {
    const headers = {
      ...call.headers,
      ...(body === undefined ? {} : { 'content-length': String(body.length) }),
    }
    const { credentials, region } = this.endpoint
    if (credentials === undefined) return headers
    const toSign: RequestToSign = {
      method: call.method,
      url,
      headers,
      body,
      service: call.service ?? 'lambda',
      region,
      credentials,
    }
    return { ...signRequest(toSign).headers }
  }
}

interface Outlet {
  readonly onDrain: (again: () => void) => void
  readonly onSent: HttpCall['onSent'] | undefined
  readonly end: () => void
}

/** As fast as the other side takes it. */
function writeAll(body: Uint8Array, write: (piece: Uint8Array) => boolean, { onDrain, onSent, end }: Outlet): void {
  let sent = 0
  const next = (): void => {
    while (sent < body.length) {
      const piece = body.subarray(sent, sent + PIECE_BYTES)
      const more = write(piece)
      sent += piece.length
      onSent?.(sent, body.length)
      if (!more) return onDrain(next)
    }
    end()
  }
  next()
}

/** The whole body of an answer. Rejects when it is larger than any answer there is. */
export async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  let bytes = 0
  answer.on('data', (piece: Buffer) => {
    bytes += piece.length
    if (bytes > MAX_ANSWER_BYTES) answer.destroy(new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`))
  })
  return buffer(answer)
}
