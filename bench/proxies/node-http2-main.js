// node:http2 in front and behind: streams piped both ways, trailers carried over, each side's end told to the other.
import { connect, constants, createServer } from 'node:http2'

const { port, upstream } = JSON.parse(process.argv[2])
const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_INTERNAL_ERROR } = constants

/** @type {import('node:http2').ClientHttp2Session | undefined} */
let open

/** The one session to the upstream, made anew when it has ended. */
function session() {
  if (open !== undefined && !open.closed && !open.destroyed) return open
  open = connect(`http://127.0.0.1:${upstream}`, { maxSessionMemory: 100 })
  open.on('error', () => {}) // its streams are told as well
  return open
}

/**
 * @param {import('node:http2').ServerHttp2Stream} client
 * @param {import('node:http2').IncomingHttpHeaders} headers
 * @param {number} flags
 */
function forward(client, headers, flags) {
  const exchange = session().request(headers, { endStream: (flags & NGHTTP2_FLAG_END_STREAM) !== 0 })
  /** @type {import('node:http2').IncomingHttpHeaders | undefined} */
  let trailers
  exchange.on('response', (answer, answerFlags) => {
    if (client.destroyed) return
    const endStream = (answerFlags & NGHTTP2_FLAG_END_STREAM) !== 0
    client.respond(answer, { endStream, waitForTrailers: !endStream })
    if (!endStream) exchange.pipe(client)
  })
  exchange.on('trailers', (fields) => (trailers = fields))
  client.on('wantTrailers', () => (trailers === undefined ? client.close() : client.sendTrailers(trailers)))
  if ((flags & NGHTTP2_FLAG_END_STREAM) === 0) client.pipe(exchange)

  exchange.on('error', () => {
    if (client.destroyed) return
    if (client.headersSent) client.close(NGHTTP2_INTERNAL_ERROR)
    else client.respond({ ':status': 502 }, { endStream: true })
  })
  client.on('error', () => exchange.close(NGHTTP2_CANCEL))
  client.on('aborted', () => exchange.close(NGHTTP2_CANCEL))
}

const server = createServer({ maxSessionMemory: 100 })
server.on('stream', forward)
server.on('sessionError', () => {})
server.listen(port, '127.0.0.1', 4096)
