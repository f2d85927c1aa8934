import { request as httpRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http'
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https'

/** Vault keeps at most 1 MiB in one secret, AWS and Google 64 KiB. */
export const MAX_ANSWER_BYTES = 1024 * 1024

/** Idle connections that are kept to one manager. */
const MAX_IDLE = 4

/** How long one is kept. */
const IDLE_MS = 15_000

const HTTP = new HttpAgent({ keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS })
const HTTPS = new HttpsAgent({ keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS })

export interface Question {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** For all of it, from the name's resolution to the last byte. */
  readonly timeoutMs: number
  /** PEM; left out: the authorities of Node.js. */
  readonly ca?: string | undefined
}

/** An answer, or why there was none. */
export type Answer = { readonly status: number; readonly text: string } | { readonly failure: string }

/** Asks a secret manager over HTTP. Follows no redirect: what is sent is secret. Never rejects. */
export function ask(question: Question): Promise<Answer> {
  const { method, url, headers, body, timeoutMs, ca } = question
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const end = (answer: Answer): void => {
      clearTimeout(timer)
      resolve(answer)
    }
    const secure = url.startsWith('https:')
    const options = {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
      agent: secure ? HTTPS : HTTP,
      ...(ca === undefined ? {} : { ca }),
    }
    try {
      const request = (secure ? httpsRequest : httpRequest)(url, options, (response) => collect(response, end))
      request.on('error', (error: NodeJS.ErrnoException) => {
        // A connection that was idle and that the manager closed meanwhile; what is asked changes nothing there.
        if (!request.reusedSocket || error.code !== 'ECONNRESET') return end({ failure: reasonOf(error) })
        clearTimeout(timer)
        resolve(ask(question))
      })
      timer = setTimeout(() => {
        end({ failure: `does not answer within ${timeoutMs / 1_000} seconds` })
        request.destroy()
      }, timeoutMs)
      request.end(body)
    } catch (error) {
      // An address or a header that cannot be sent.
      end({ failure: reasonOf(error as Error) })
    }
  })
}

function collect(response: IncomingMessage, end: (answer: Answer) => void): void {
  const chunks: Buffer[] = []
  let length = 0
  response.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length <= MAX_ANSWER_BYTES) {
      chunks.push(chunk)
      return
    }
    end({ failure: `answers with more than ${MAX_ANSWER_BYTES} bytes` })
    response.destroy()
  })
  response.on('end', () => end({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }))
  response.on('close', () => end({ failure: 'closes the connection within its answer' }))
  response.on('error', (error) => end({ failure: reasonOf(error) }))
}

/** Messages of Node name addresses and codes, and nothing that was sent. */
function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'refuses connections'
  if (error.code === 'ENOTFOUND') return 'has a name that nobody knows'
  return `cannot be asked: ${error.message === '' ? (error.code ?? 'unknown reason') : error.message}`
}
