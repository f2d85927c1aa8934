import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import type { Service } from './service.ts'

/** Takes any request and answers 200 with `{}`, as collectors of logs and traces do. */
export async function start(): Promise<Service> {
  let received = ''
  const server = createServer((request, response) => {
    const body = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request
    void buffer(body).then((bytes) => {
      const fields = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`)
      received += `${request.method} ${request.url}\n${fields.join('\n')}\n\n${bytes.toString('utf8')}\n`
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    received: () => received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
