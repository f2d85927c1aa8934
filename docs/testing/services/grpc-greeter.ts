import { createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Service } from './service.ts'

/** `Greeter.SayHello` of gRPC's examples, below any library: answers the field 1 of the message with `Hello ` before it. */
export async function start(): Promise<Service> {
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer()
  server.on('session', (session) => sessions.add(session))
  server.on('stream', (stream) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      // 5 bytes of prefix, tag and length of the field, its text.
      const message = Buffer.concat(chunks).subarray(5)
      const text = Buffer.from(`Hello ${message.subarray(2).toString('utf8')}`)
      const reply = Buffer.concat([Buffer.from([0x0a, text.length]), text])
      const prefix = Buffer.alloc(5)
      prefix.writeUInt32BE(reply.length, 1)
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(Buffer.concat([prefix, reply]))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const session of sessions) session.destroy()
        server.close(() => resolve())
      }),
  }
}
