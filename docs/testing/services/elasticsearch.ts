import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { listening, type Service } from './service.ts'

/** Says that it is Elasticsearch 8, and takes every document of a `_bulk` request. */
export function start(): Promise<Service> {
  let received = ''
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const isBulk = request.url === '/_bulk'
      if (isBulk) received += body
      const answer = isBulk ? { errors: false, items: [] } : { version: { number: '8.15.0' } }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  return listening(server, () => received)
}
