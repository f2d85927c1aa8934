// A load balancer, whole. Two upstreams take turns; when one of them is away, its requests go to the other.
//
//   node examples/load-balancer.ts
//   curl http://127.0.0.1:6188/                       hello from one, hello from two, hello from one ...
//   curl -d x http://127.0.0.1:6188/                  a POST goes the same way
//
// To try it with a real service: LoadBalancer.roundRobin(['1.1.1.1:443', '1.0.0.1:443']), and in upstreamPeer
// peer(node, { tls: true, sni: 'one.one.one.one' }) (see tls-upstream.ts).

import { httpProxy, LoadBalancer, peer, Server } from '@sekisho/proxy'

const port = Number(process.env['PORT'] ?? 6188)
// The third is not there: nobody notices.
const upstreams = LoadBalancer.roundRobin([`127.0.0.1:${port + 1}`, `127.0.0.1:${port + 2}`, '127.0.0.1:1'])

const balancer = httpProxy({
  upstreamPeer: (session) => peer(upstreams.select('', session.tried)),
  upstreamRequestFilter: (_session, request) => request.headers.set('Host', 'hello.internal'),
})

/** An upstream of our own, so that the example runs anywhere: a proxy that answers everything itself. */
const hello = (name: string) =>
  httpProxy({
    requestFilter: (session) => session.respond(200, `hello from ${name} to ${session.request.host}\n`),
    upstreamPeer: () => peer(undefined),
  })

await new Server({ workers: 1 })
  .listen(`127.0.0.1:${port}`, balancer)
  .listen(`127.0.0.1:${port + 1}`, hello('one'))
  .listen(`127.0.0.1:${port + 2}`, hello('two'))
  .run()
