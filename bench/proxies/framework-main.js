// The whole of a proxy on the framework: one callback.
import { LoadBalancer, Server, httpProxy, peer } from '@sekisho/proxy'

const { port, upstream } = JSON.parse(process.argv[2])
const upstreams = LoadBalancer.roundRobin([`127.0.0.1:${upstream}`])
const application = httpProxy({ upstreamPeer: () => peer(upstreams.select()) })
await new Server({ workers: 1 }).listen(`127.0.0.1:${port}`, application).run()
