// A small gateway in one file: who may come in, where a path goes, what is changed on the way, and an access log.
//
//   node examples/access-control-gateway.ts
//   curl -i http://127.0.0.1:6188/login               403: no password
//   curl -i -H 'Authorization: password' http://127.0.0.1:6188/login
//                                                     200, server: MyGateway, no alt-svc
//   curl http://127.0.0.1:6188/family/dogs            from the family service; other paths from the public one
//
// Each request leaves a line on standard output: GET /login 403 0.4 ms

import { httpProxy, peer, Server } from '@sekisho/proxy'

const port = Number(process.env['PORT'] ?? 6188)

const gateway = httpProxy({
  requestFilter(session) {
    const { path, headers } = session.request
    if (path.startsWith('/login') && headers.get('authorization') !== 'password') session.respond(403, 'no entry\n')
  },
  upstreamPeer: (session) => peer(`127.0.0.1:${session.request.path.startsWith('/family/') ? port + 2 : port + 1}`),
  upstreamRequestFilter: (_session, request) => void request.headers.delete('authorization'),
  responseFilter(_session, response) {
    response.headers.set('Server', 'MyGateway')
    response.headers.delete('alt-svc')
  },
  logging(session, error) {
    const { method, path } = session.request
    const result = session.response?.status ?? error?.code
    console.log(`${method} ${path} ${result} ${(session.finishedAt - session.startedAt).toFixed(1)} ms`)
  },
})

const service = (name: string) =>
  httpProxy({
    requestFilter(session) {
      const seen = session.request.headers.has('authorization') ? 'with' : 'without'
      session.respond(200, `the ${name} service, ${seen} a password\n`, { 'Alt-Svc': 'h3=":443"' })
    },
    upstreamPeer: () => peer(undefined),
  })

await new Server()
  .listen(`127.0.0.1:${port}`, gateway)
  .listen(`127.0.0.1:${port + 1}`, service('public'))
  .listen(`127.0.0.1:${port + 2}`, service('family'))
  .run()
