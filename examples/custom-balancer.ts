// A balancing algorithm of one's own, in ten lines: all goes to the main server, and to its stand-in only while that is away.
//
//   node examples/custom-balancer.ts
//   curl http://127.0.0.1:6188/                       main, every time
//   curl http://127.0.0.1:6188/?main=sick             stand-in: the main server is marked unhealthy
//   curl http://127.0.0.1:6188/?main=well             main again

import { httpProxy, isAvailable, LoadBalancer, peer, Server, type SelectorFactory } from '@sekisho/proxy'

const port = Number(process.env['PORT'] ?? 6188)

const firstAvailable: SelectorFactory = (backends) => ({
  select: (_key, tried) => backends.find((backend) => isAvailable(backend, tried)),
})
const upstreams = LoadBalancer.custom([`127.0.0.1:${port + 1}`, `127.0.0.1:${port + 2}`], firstAvailable)

const proxy = httpProxy({
  requestFilter({ request }) {
    // A health check would say this.
    if (request.query.startsWith('main=')) upstreams.setHealthy(`127.0.0.1:${port + 1}`, request.query === 'main=well')
  },
  upstreamPeer: (session) => peer(upstreams.select('', session.tried)),
})

const server = (name: string) =>
  httpProxy({ requestFilter: (session) => session.respond(200, `${name}\n`), upstreamPeer: () => peer(undefined) })

await new Server({ workers: 1 })
  .listen(`127.0.0.1:${port}`, proxy)
  .listen(`127.0.0.1:${port + 1}`, server('main'))
  .listen(`127.0.0.1:${port + 2}`, server('stand-in'))
  .run()
