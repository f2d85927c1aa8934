import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import { listening, type Service } from './service.ts'

/** Takes any request and answers 200 with `{}`, as collectors of logs and traces do. */
export function start(): Promise<Service> {
  let received = ''
  const server = createServer((request, response) => {
    const body = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request
    void buffer(body).then((bytes) => {
      const fields = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`)
      received += `${request.method} ${request.url}\n${fields.join('\n')}\n\n${bytes.toString('utf8')}\n`
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  return listening(server, () => received)
}
