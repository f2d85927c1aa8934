// node:http in front, undici's Pool behind. `dispatch` is the cheapest way that undici has: `request` and `stream`
// make a stream and promises of each exchange.
import { createServer } from 'node:http'
import { Pool } from 'undici'

const { port, upstream, keepalive, idleMs } = JSON.parse(process.argv[2])
const pool = new Pool(`http://127.0.0.1:${upstream}`, {
  connections: keepalive,
  pipelining: 1,
  keepAliveTimeout: idleMs,
  keepAliveMaxTimeout: idleMs,
})

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer'])

/** @param {import('node:http').IncomingHttpHeaders} headers */
function forwarded(headers) {
  /** @type {import('node:http').IncomingHttpHeaders} */
  const kept = {}
  for (const name in headers) if (!HOP_BY_HOP.has(name)) kept[name] = headers[name]
  return kept
}

/** What undici calls for one exchange: a `Dispatcher.DispatchHandler`. */
class Exchange {
  /** @param {import('node:http').ServerResponse} response */
  constructor(response) {
    this.response = response
  }

  onRequestStart() {}

  /**
   * @param {import('undici').Dispatcher.DispatchController} _controller
   * @param {number} status
   * @param {import('node:http').IncomingHttpHeaders} headers
   */
  onResponseStart(_controller, status, headers) {
    this.response.writeHead(status, forwarded(headers))
  }

  /**
   * @param {import('undici').Dispatcher.DispatchController} controller
   * @param {Buffer} chunk
   */
  onResponseData(controller, chunk) {
    if (this.response.write(chunk)) return
    controller.pause()
    this.response.once('drain', () => controller.resume())
  }

  onResponseEnd() {
    this.response.end()
  }

  onResponseError() {
    if (!this.response.headersSent) this.response.writeHead(502)
    this.response.end()
  }
}

const server = createServer((request, response) => {
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  pool.dispatch(
    {
      path: request.url ?? '/',
      method: /** @type {import('undici').Dispatcher.HttpMethod} */ (request.method),
      headers: forwarded(request.headers),
      body: hasBody ? request : null,
    },
    new Exchange(response),
  )
})
server.keepAliveTimeout = idleMs
server.listen(port, '127.0.0.1', 4096)
