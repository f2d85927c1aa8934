// Two clusters behind one port, chosen by path; each has a balancer of its own.
//
//   node examples/multi-upstream.ts
//   curl http://127.0.0.1:6188/one/x                  cluster one, asked for /x
//   curl http://127.0.0.1:6188/two/x                  cluster two, asked for /x
//   curl -i http://127.0.0.1:6188/three               404

import { httpProxy, LoadBalancer, peer, Server } from '@sekisho/proxy'

const port = Number(process.env['PORT'] ?? 6188)
const clusters = new Map([
  ['one', LoadBalancer.roundRobin([`127.0.0.1:${port + 1}`])],
  ['two', LoadBalancer.leastConnections([`127.0.0.1:${port + 2}`])],
])

const proxy = httpProxy<{ cluster: LoadBalancer | undefined; path: string }>({
  newContext({ request }) {
    const [, name = '', path = '/'] = /^\/([^/?]*)(\/.*)?$/.exec(request.target) ?? []
    return { cluster: clusters.get(name), path }
  },
  requestFilter: (session) =>
    session.ctx.cluster === undefined ? session.respond(404, 'no such cluster\n') : undefined,
  upstreamPeer: (session) => peer(session.ctx.cluster?.select('', session.tried)),
  upstreamRequestFilter(session, request) {
    request.target = session.ctx.path
  },
})

const cluster = (name: string) =>
  httpProxy({
    requestFilter: (session) => session.respond(200, `cluster ${name}, asked for ${session.request.target}\n`),
    upstreamPeer: () => peer(undefined),
  })

await new Server()
  .listen(`127.0.0.1:${port}`, proxy)
  .listen(`127.0.0.1:${port + 1}`, cluster('one'))
  .listen(`127.0.0.1:${port + 2}`, cluster('two'))
  .run()
