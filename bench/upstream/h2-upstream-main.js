// The upstream of the HTTP/2 scenarios. What it answers depends on the port, so no request has to be understood.
import { createServer } from 'node:net'
import { LARGE_BODIES } from './bodies.js'
import { GRPC_ANSWER } from './grpc-message.js'
import { STATUS_200, field } from './h2-frames.js'
import { H2Responder } from './h2-responder.js'

/** @param {Buffer} body */
const page = (body) => ({
  head: Buffer.concat([STATUS_200, field('content-type', 'text/plain'), field('content-length', String(body.length))]),
  body,
})

const answers = [GRPC_ANSWER, ...LARGE_BODIES.map(([, length]) => page(Buffer.alloc(length, 'x')))]

/** @type {number[]} */
const ports = JSON.parse(process.argv[2])
for (const [index, port] of ports.entries()) {
  const server = createServer({ noDelay: true }, (socket) => new H2Responder(socket, answers[index]))
  server.listen(port, '127.0.0.1', 4096)
}
