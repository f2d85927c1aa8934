// node upstream-program.mjs [HTTP-PORT GRPC-PORT]: an upstream node of a chaos run. Prints its two ports, then what it was asked wrongly.
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { Server, ServerCredentials, status } from '@grpc/grpc-js'
import { WebSocketServer } from 'ws'
import { bodyOf, numberIn, orderOf, piecesOf } from './orders.mjs'

const [httpPort = '0', grpcPort = '0'] = process.argv.slice(2)
/** Of what is kept by the cache of the gateway, and for how many seconds. */
const CACHED = 'public, max-age=2'

const tell = (what) => console.log(`wrong: ${what}`)

/** The whole body, or undefined when it was cut. */
function read(request) {
  return new Promise((resolve) => {
    const pieces = []
    request.on('data', (piece) => pieces.push(piece))
    request.on('end', () => resolve(Buffer.concat(pieces)))
    request.on('error', () => resolve(undefined))
    request.on('close', () => resolve(undefined))
  })
}

function hasWrongBody(number, body) {
  const expected = bodyOf(number, 'asked', orderOf(number).askedLength)
  if (body.equals(expected)) return false
  tell(
    `the body of request ${number} came with ${body.length} bytes, and other ones than the ${expected.length} that were sent`,
  )
  return true
}

async function answer(request, response) {
  response.on('error', () => undefined)
  if (request.url === '/health') return response.end('well')
  const number = numberIn(request.url)
  if (Number.isNaN(number)) {
    tell(`a request for ${request.url}`)
    return response.writeHead(400).end()
  }
  const order = orderOf(number)
  if (request.method !== 'GET') {
    const body = await read(request)
    if (body === undefined) return response.destroy()
    if (hasWrongBody(number, body)) return response.writeHead(422).end('other bytes than were sent')
  }
  if (order.thinkMs > 0) await pause(order.thinkMs)
  const body = bodyOf(number, 'answered', order.answeredLength)
  const head = { 'x-number': String(number) }
  if (!order.answeredChunked) head['content-length'] = body.length
  if (request.url.startsWith('/cached/')) head['cache-control'] = CACHED
  response.writeHead(200, head)
  const pieces = piecesOf(body, order.answeredPieces)
  for (const [at, piece] of pieces.entries()) {
    if (at > 0) await pause(order.pauseMs)
    response.write(piece)
  }
  response.end()
}

const http = createServer((request, response) => void answer(request, response))
// Only what the run does may break a connection.
http.keepAliveTimeout = 600_000
http.requestTimeout = 0
http.headersTimeout = 0

new WebSocketServer({ server: http }).on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  socket.on('error', () => undefined)
})

const bytes = (value) => value
const method = (name, stream) => ({
  path: `/chaos.Bytes/${name}`,
  requestStream: stream,
  responseStream: stream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
})
const grpc = new Server({ 'grpc.max_receive_message_length': -1 })
grpc.addService(
  { Call: method('Call', false), Talk: method('Talk', true) },
  {
    Call: ({ request }, reply) => {
      const number = numberIn(request.toString('latin1', 0, 32))
      if (hasWrongBody(number, request)) return reply({ code: status.DATA_LOSS, details: 'other bytes than were sent' })
      const { thinkMs, answeredLength } = orderOf(number)
      setTimeout(() => reply(null, bodyOf(number, 'answered', answeredLength)), thinkMs)
    },
    Talk: (call) => {
      call.on('data', (message) => call.write(message))
      call.on('end', () => call.end())
      call.on('error', () => undefined)
    },
  },
)

grpc.bindAsync(`127.0.0.1:${grpcPort}`, ServerCredentials.createInsecure(), (error, bound) => {
  if (error !== null) throw error
  http.listen(Number(httpPort), '127.0.0.1', () => console.log(`ports: ${http.address().port} ${bound}`))
})
