import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { readFileSync } from 'node:fs'
import { Deadline } from '../deadline.ts'
import type { RegistryTlsSetting } from './registry-settings.ts'

/** 5,000 instances of 1 KB each. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024
/** Idle connections that are kept to one registry. */
const MAX_IDLE = 8
const IDLE_MS = 30_000

export interface RegistryRequest {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** For all of it: from the name's resolution to the last byte, or of a stream to its head. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface RegistryAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

export interface RegistryTls {
  /** PEM; undefined: the authorities of Node.js. */
  readonly ca?: string | undefined
  readonly verify?: boolean | undefined
}

/** A registry over HTTP. Follows no redirect: what is sent may be secret. Rejects with an Error whose message is for people, without secrets. */
export class RegistryClient {
  private readonly http = new HttpAgent({ keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS })
  private readonly https: HttpsAgent

  /** @throws Error when the file of the authorities cannot be read */
  static of({ ca: file, verify }: NonNullable<RegistryTlsSetting> = {}): RegistryClient {
    try {
      return new RegistryClient({ ca: file === undefined ? undefined : readFileSync(file, 'utf8'), verify })
    } catch (error) {
      throw new Error(`the authorities for the registry cannot be read: ${(error as Error).message}`, { cause: error })
    }
  }

  constructor({ ca, verify = true }: RegistryTls = {}) {
    this.https = new HttpsAgent({
      keepAlive: true,
      maxFreeSockets: MAX_IDLE,
      timeout: IDLE_MS,
      rejectUnauthorized: verify,
      ...(ca === undefined ? {} : { ca }),
    })
  }

  /** A whole answer of any status. */
  async ask(url: URL, request: RegistryRequest): Promise<RegistryAnswer> {
    const deadline = new Deadline(request.signal, request.timeoutMs)
    try {
      const response = await this.open(url, request, deadline.signal)
      const text = await readAll(response)
      return { status: response.statusCode ?? 0, headers: response.headers, text }
    } catch (error) {
      throw explained(url, error as NodeJS.ErrnoException, deadline.timedOut ? request.timeoutMs : undefined)
    } finally {
      deadline.end()
    }
  }

  /** An answer that is read while it comes. The caller reads or destroys it; `signal` ends it. */
  async stream(url: URL, request: RegistryRequest): Promise<IncomingMessage> {
    const head = new AbortController()
    const stop = (): void => head.abort()
    if (request.signal.aborted) stop()
    else request.signal.addEventListener('abort', stop)
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      stop()
    }, request.timeoutMs)
    try {
      const response = await this.open(url, request, head.signal)
      response.on('close', () => request.signal.removeEventListener('abort', stop))
      return response
    } catch (error) {
      request.signal.removeEventListener('abort', stop)
      throw explained(url, error as NodeJS.ErrnoException, timedOut ? request.timeoutMs : undefined)
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.http.destroy()
    this.https.destroy()
  }

  private open(url: URL, request: RegistryRequest, signal: AbortSignal, again = true): Promise<IncomingMessage> {
    const { method = 'GET', headers = {}, body } = request
    const secure = url.protocol === 'https:'
    return new Promise((resolve, reject) => {
      const options = {
        method,
        signal,
        agent: secure ? this.https : this.http,
        headers: {
          accept: 'application/json',
          ...headers,
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        },
      }
      const asked = (secure ? httpsRequest : httpRequest)(url, options, resolve)
      asked.on('error', (error: NodeJS.ErrnoException) => {
        // A connection that was idle and that the registry closed meanwhile; what is asked changes nothing there.
        const stale = asked.reusedSocket && error.code === 'ECONNRESET' && again && !signal.aborted
        if (stale) this.open(url, request, signal, false).then(resolve, reject)
        else reject(error)
      })
      asked.end(body)
    })
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) throw new Error(`answers with more than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function explained(url: URL, error: NodeJS.ErrnoException, timeoutMs: number | undefined): Error {
  const reason =
    timeoutMs !== undefined
      ? `does not answer within ${timeoutMs / 1_000} s`
      : error.code === 'ECONNREFUSED'
        ? 'refuses connections'
        : error.code === 'ECONNRESET'
          ? 'closes the connection within its answer'
          : error.message || (error.code ?? 'cannot be asked')
  return new Error(`${url.origin} ${reason}`)
}

/** The value of a JSON answer. @throws Error with words */
export function jsonOf(url: URL, { status, text }: RegistryAnswer): unknown {
  if (status !== 200) throw new Error(`${url.origin} answers with status ${status}${reasonIn(text)}`)
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${url.origin} answers with what is not JSON`)
  }
}

/** The first line of an error, printable and short. */
const reasonIn = (text: string): string => {
  const line = text
    .split('\n', 1)[0]
    .replaceAll(/[^ -~]/g, '?')
    .slice(0, 120)
  return line === '' ? '' : `: ${line}`
}
