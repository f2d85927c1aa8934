import { createSocket } from 'node:dgram'
import type { Service } from './service.ts'

/** Takes what is sent to it by UDP. */
export async function start(): Promise<Service> {
  let received = ''
  const socket = createSocket('udp4', (message) => (received += `${message.toString('utf8')}\n`))
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    port: socket.address().port,
    received: () => received,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}
