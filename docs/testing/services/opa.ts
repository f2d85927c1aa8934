import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { listening, type Service } from './service.ts'

/** An Open Policy Agent with one policy, `orders`: readers may GET, and nothing else. */
export function start(): Promise<Service> {
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
  return listening(server, () => received)
}
