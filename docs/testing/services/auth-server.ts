import { createServer } from 'node:http'
import { listening, type Service } from './service.ts'

/** What `forward-auth` asks: knows `Bearer jack`, sends `Bearer lost` to sign in, and nobody else. */
export function start(): Promise<Service> {
  let received = ''
  const server = createServer((request, response) => {
    const { authorization, ...headers } = request.headers
    received += `${request.method} ${String(headers['x-forwarded-method'])} ${String(headers['x-forwarded-uri'])}\n`
    if (authorization === 'Bearer jack') response.writeHead(200, { 'x-user-id': 'jack' }).end()
    else if (authorization === 'Bearer lost') response.writeHead(302, { location: '/sign-in' }).end()
    else response.writeHead(401, { 'content-type': 'text/plain' }).end('who are you?')
  })
  return listening(server, () => received)
}
