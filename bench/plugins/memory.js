// Both ends of a request in memory, with nothing that waits: what is left is the gateway's own work, from the bytes of the head on.
import {
  ClientEnd,
  Deadlines,
  DEFAULT_H1_LIMITS,
  DEFAULT_H2_LIMITS,
  parseRequestHead,
  parseResponseHead,
  SENT,
  UpstreamPools,
} from '../../packages/wire/dist/index.js'

/** @typedef {{ method?: string, path?: string, headers?: Record<string, string>, body?: string }} BenchRequest */
/** @typedef {{ status?: number, headers?: Record<string, string>, body?: string }} BenchAnswer */

const NOTHING = () => undefined
const SOCKET = { remoteAddress: '192.0.2.7', remotePort: 50_000, localAddress: '192.0.2.1', localPort: 8080 }
const CLIENT = new ClientEnd(/** @type {never} */ (SOCKET), { tls: undefined, protocol: '', proxied: undefined })

/** A client that sends one request, and says when its response was over. */
export class BenchClient {
  exchange = /** @type {any} */ (undefined)
  client = CLIENT
  requestNumber = 1
  httpMajor = /** @type {1} */ (1)
  bytesReceived = 100
  bytesSent = 0
  headSent = false
  backlog = 0
  needsDrain = false
  status = 0
  done = false
  /** @type {(() => void) | undefined} */
  onDone = undefined
  /** @param {Buffer | undefined} body */
  constructor(body) {
    this.body = body
  }
  readRequestBody() {
    const { body } = this
    if (body === undefined) return
    this.body = undefined
    this.exchange.onRequestBody(body)
    this.exchange.onRequestEnd('')
  }
  pauseRequestBody() {}
  resumeRequestBody() {}
  releaseRequestBody() {}
  sendInformational() {}
  /** @param {any} head @param {string} body */
  sendResponse(head, body) {
    this.sendHead(head)
    this.bytesSent += body.length
    this.endBody()
  }
  /** @param {any} head */
  sendHead(head) {
    this.headSent = true
    this.status = head.status
    this.bytesSent += head.headers.block.length
  }
  /** @param {Uint8Array} chunk */
  sendBody(chunk) {
    this.bytesSent += chunk.length
    return SENT
  }
  endBody() {
    this.done = true
    this.onDone?.()
  }
  cut() {
    this.endBody()
  }
  startTunnel() {}
  sendTunnelBytes() {
    return SENT
  }
  endTunnel() {}
  closeTunnel() {}
}

/** Upstream connections that are always there, and answer at once. */
export class BenchUpstreams extends UpstreamPools {
  /** @param {BenchAnswer} answer */
  constructor(answer) {
    super({ deadlines: new Deadlines(), limits: DEFAULT_H1_LIMITS, h2Limits: DEFAULT_H2_LIMITS, maxIdle: 0 })
    const { status = 200, headers = {}, body = 'x'.repeat(33) } = answer
    const fields = { 'Content-Type': 'application/json', ...headers, 'Content-Length': String(Buffer.byteLength(body)) }
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
    this.text = [`HTTP/1.1 ${status} OK`, ...lines, '', ''].join('\r\n')
    this.body = Buffer.from(body).toString('latin1')
    this.stream = new BenchUpstream(this)
  }
  /** @override */
  take() {
    return /** @type {never} */ (this.stream)
  }
}

class BenchUpstream {
  ready = true
  closed = false
  chunks = true
  bytesSent = 0
  bytesReceived = 0
  backlog = 0
  /** @param {BenchUpstreams} upstreams */
  constructor(upstreams) {
    this.upstreams = upstreams
    for (const name of ['connectFor', 'pauseBody', 'resumeBody', 'releaseBody', 'giveBack', 'discard'])
      Object.assign(this, { [name]: NOTHING })
  }
  /** @param {any} exchange @param {unknown} _request @param {number} bodyLength */
  sendRequest(exchange, _request, bodyLength) {
    this.exchange = exchange
    if (bodyLength === 0) this.endBody()
  }
  sendBody() {
    return SENT
  }
  endBody() {
    const { text, body } = this.upstreams
    const { exchange } = this
    if (exchange === undefined) return
    this.exchange = undefined
    exchange.onResponse(parseResponseHead(text, 0, text.length, DEFAULT_H1_LIMITS), body, '')
  }
}

/**
 * The bytes of a request's head.
 * @param {BenchRequest} request
 */
export function headText({ method = 'GET', path = '/', headers = {}, body }) {
  const fields = { Host: 'shop.example.com', 'User-Agent': 'bench/1.0', Accept: '*/*', ...headers }
  if (body !== undefined) Object.assign(fields, { 'Content-Length': String(Buffer.byteLength(body)) })
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  return [`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n')
}

/**
 * Sends a request `count` times, one after the other.
 * @param {{ onRequest(stream: unknown, head: unknown): void }} proxy
 * @param {string} text of the head
 * @param {string | undefined} body
 * @param {number} count
 * @returns {Promise<number>} the status of the last one
 */
export async function sendMany(proxy, text, body, count) {
  let status = 0
  for (let number = 0; number < count; number++) {
    const client = new BenchClient(body === undefined ? undefined : Buffer.from(body))
    const head = parseRequestHead(text, 0, text.length, DEFAULT_H1_LIMITS)
    proxy.onRequest(client, head)
    // Only what waits for something is waited for.
    if (!client.done) await new Promise((resolve) => (client.onDone = () => resolve(undefined)))
    status = client.status
  }
  return status
}
