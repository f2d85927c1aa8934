// Reads a request body before an upstream is chosen, checks it, and changes it.
//
//   node examples/request-body.ts
//   curl -d '{"user":"ann"}' http://127.0.0.1:6188/   the upstream got {"user":"ann","via":"sekisho"}
//   curl -d '{"user":"eve"}' http://127.0.0.1:6188/   403
//   curl -d 'not json' http://127.0.0.1:6188/         400
//   head -c 2000 /dev/zero | curl --data-binary @- http://127.0.0.1:6188/
//                                                     413: the limit is 1,024 bytes
//   curl -T FILE http://127.0.0.1:6188/stream         not read whole: passed on in pieces, in capitals

import { httpProxy, peer, Server } from '@sekisho/proxy'

const port = Number(process.env['PORT'] ?? 6188)

const proxy = httpProxy({
  async requestFilter(session) {
    if (session.request.bodyLength === 0 || session.request.path === '/stream') return
    const body = Buffer.from(await session.readBody(1_024)).toString()
    let message: Record<string, unknown>
    try {
      message = JSON.parse(body) as Record<string, unknown>
    } catch {
      return session.respond(400, 'not JSON\n')
    }
    if (message['user'] === 'eve') return session.respond(403, 'not you\n')
    session.replaceBody(Buffer.from(JSON.stringify({ ...message, via: 'sekisho' })))
  },
  requestBodyFilter: (session, chunk) =>
    session.request.path === '/stream' ? Buffer.from(Buffer.from(chunk).toString().toUpperCase()) : undefined,
  upstreamPeer: () => peer(`127.0.0.1:${port + 1}`),
})

const upstream = httpProxy({
  requestFilter: async (session) =>
    session.respond(200, Buffer.concat([Buffer.from('got '), await session.readBody(65_536)])),
  upstreamPeer: () => peer(undefined),
})

await new Server()
  .listen(`127.0.0.1:${port}`, proxy)
  .listen(`127.0.0.1:${port + 1}`, upstream)
  .run()
