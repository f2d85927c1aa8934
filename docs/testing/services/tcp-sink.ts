import { createServer } from 'node:net'
import { listening, type Service } from './service.ts'

/** Takes what is sent to it by TCP. */
export function start(): Promise<Service> {
  let received = ''
  const server = createServer((socket) => {
    socket.on('data', (chunk) => (received += chunk.toString('utf8')))
    socket.on('error', () => undefined)
  })
  return listening(server, () => received)
}
