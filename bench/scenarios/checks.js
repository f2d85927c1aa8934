import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { get } from 'node:https'
import { WebSocketClient } from '../load/websocket-client.js'

/** A proxy may take so long for its first answer: it may listen before it is ready. */
const PATIENCE_MS = 10_000

/**
 * What a client of ours (node:http2, not the codec that is measured) got.
 * @typedef {{ status: number | undefined, body: Buffer, trailers: import('node:http2').IncomingHttpHeaders }} H2Answer
 */

/**
 * One request over HTTP/2 without TLS.
 * @param {number} port
 * @param {import('node:http2').OutgoingHttpHeaders} headers
 * @param {Buffer} [body]
 * @returns {Promise<H2Answer>}
 */
export async function askH2(port, headers, body) {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  // Rejects when the session fails, which its stream tells in less words.
  const lost = once(session, 'close', { signal }).then(() => Promise.reject(new Error('the connection was closed')))
  lost.catch(() => {})
  try {
    return await Promise.race([lost, exchange(session, headers, body)])
  } finally {
    session.destroy()
  }
}

/**
 * @param {import('node:http2').ClientHttp2Session} session
 * @param {import('node:http2').OutgoingHttpHeaders} headers
 * @param {Buffer | undefined} body
 * @returns {Promise<H2Answer>}
 */
function exchange(session, headers, body) {
  return new Promise((resolve, reject) => {
    session.on('error', reject)
    const stream = session.request(headers, { endStream: body === undefined })
    /** @type {H2Answer} */
    const answer = { status: undefined, body: Buffer.alloc(0), trailers: {} }
    /** @type {Buffer[]} */
    const chunks = []
    stream.on('response', (fields) => (answer.status = fields[':status']))
    stream.on('trailers', (fields) => (answer.trailers = fields))
    stream.on('data', (chunk) => chunks.push(chunk))
    stream.on('end', () => resolve({ ...answer, body: Buffer.concat(chunks) }))
    stream.on('error', reject)
    if (body !== undefined) stream.end(body)
  })
}

/**
 * Throws unless the answer is 200 with these very bytes.
 * @param {H2Answer} answer
 * @param {Buffer} body
 */
export function expectBody(answer, body) {
  if (answer.status !== 200) throw new Error(`answered status ${answer.status}`)
  if (!answer.body.equals(body))
    throw new Error(`answered ${answer.body.length} bytes that are not those of the upstream`)
}

/**
 * Throws unless the trailers say that a gRPC call went well.
 * @param {H2Answer} answer
 */
export function expectGrpcOk({ trailers }) {
  const status = trailers['grpc-status']
  if (status !== '0') throw new Error(`no trailer "grpc-status: 0" but ${JSON.stringify(status)}`)
}

/**
 * One GET over TLS.
 * @param {number} port
 * @returns {Promise<{ status: number | undefined, body: string, protocol: string | null, cipher: string }>}
 */
export function askTls(port) {
  return new Promise((resolve, reject) => {
    // The certificate is one that the benchmark made for this run.
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, agent: false, timeout: PATIENCE_MS }
    const request = get(options, (response) => {
      const socket = /** @type {import('node:tls').TLSSocket} */ (response.socket)
      const [protocol, cipher] = [socket.getProtocol(), socket.getCipher().name]
      let body = ''
      response.setEncoding('latin1').on('data', (text) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode, body, protocol, cipher }))
      response.on('error', reject)
    })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${PATIENCE_MS / 1000} s`)))
    request.on('error', reject)
  })
}

/**
 * Throws unless a WebSocket can be opened and echoes a message.
 * @param {number} port
 * @returns {Promise<void>}
 */
export function checkWebSocket(port) {
  return new Promise((resolve, reject) => {
    const client = new WebSocketClient(
      port,
      () => {
        client.close()
        clearTimeout(timer)
        resolve()
        return false
      },
      (reason) => {
        clearTimeout(timer)
        reject(new Error(reason))
      },
    )
    const timer = setTimeout(() => {
      client.close()
      reject(new Error(`no echo within ${PATIENCE_MS / 1000} s`))
    }, PATIENCE_MS)
  })
}
