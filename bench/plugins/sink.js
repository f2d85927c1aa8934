// Run by measure.js in a process of its own: takes what loggers send. `node sink.js http|tcp|udp` prints its port.
import { createSocket } from 'node:dgram'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'

const [, , kind] = process.argv
// The parent is gone.
process.on('disconnect', () => process.exit())

if (kind === 'udp') {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port))
} else {
  const server =
    kind === 'tcp'
      ? createServer((socket) => socket.on('error', () => undefined).resume())
      : createHttpServer((request, response) => {
          request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
        })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.send?.(typeof address === 'object' ? address?.port : undefined)
  })
}
