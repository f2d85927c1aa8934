import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Service } from './service.ts'

/** An Open Policy Agent with one policy, `orders`: readers may GET, and nothing else. */
export async function start(): Promise<Service> {
  let received = ''
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received += `${request.method} ${request.url} ${body}\n`
      const { input } = JSON.parse(body) as { readonly input: { readonly request: { readonly method: string } } }
      const allow = input.request.method === 'GET'
      const result = allow
        ? { allow, headers: { 'X-Role': 'reader' } }
        : { allow, reason: { message: `readers may not ${input.request.method.toLowerCase()}` } }
      const known = request.method === 'POST' && request.url === '/v1/data/orders'
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(known ? { result } : {}))
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
