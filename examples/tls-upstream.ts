// An upstream over TLS, verified by the name it must have. The first part is all there is to it.
//
//   node examples/tls-upstream.ts
//   curl -i http://127.0.0.1:6188/                    the page of https://one.one.one.one
//   SNI=example.com node examples/tls-upstream.ts     502: its certificate is for another name
//
// UPSTREAM=host:port SNI=name CA=authority.pem take another server, and an authority of your own instead of Node's roots.

import { readFileSync } from 'node:fs'
import { httpProxy, LoadBalancer, peer, Server, type UpstreamTls } from '@sekisho/proxy'

const port = Number(process.env['PORT'] ?? 6188)
const nodes = process.env['UPSTREAM']?.split(',') ?? ['1.1.1.1:443', '1.0.0.1:443']
const sni = process.env['SNI'] ?? 'one.one.one.one'
const tls: UpstreamTls = process.env['CA'] === undefined ? {} : { ca: readFileSync(process.env['CA'], 'utf8') }

const upstreams = LoadBalancer.roundRobin(nodes)
const proxy = httpProxy({
  upstreamPeer: (session) => peer(upstreams.select('', session.tried), { tls, sni }),
  upstreamRequestFilter: (_session, request) => request.headers.set('Host', sni),
})

await new Server().listen(`127.0.0.1:${port}`, proxy).run()
