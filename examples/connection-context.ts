// State: of one request (ctx), of one connection, and of the whole program.
//
//   node examples/connection-context.ts
//   curl -H 'Beta: 1' http://127.0.0.1:6188/          stable or beta, as the header says
//   curl -i http://127.0.0.1:6188/ http://127.0.0.1:6188/
//                                                     x-on-this-connection: 1, then 2; x-beta-users counts all

import { httpProxy, peer, Server, type Session } from '@sekisho/proxy'

interface Context {
  readonly beta: boolean
  onThisConnection: number
}

const port = Number(process.env['PORT'] ?? 6188)
// What requests share is an ordinary variable, one in each worker thread.
let betaUsers = 0

const proxy = httpProxy<Context>({
  newContext: (session) => ({ beta: session.request.headers.get('beta') === '1', onThisConnection: 1 }),
  onConnectionReuse: (session, previous) => {
    session.ctx.onThisConnection = (previous as number) + 1
  },
  persistConnectionContext: (session) => session.ctx.onThisConnection,
  requestFilter: (session) => {
    if (session.ctx.beta) betaUsers++
  },
  upstreamPeer: (session: Session<Context>) => peer(`127.0.0.1:${session.ctx.beta ? port + 2 : port + 1}`),
  responseFilter: (session, response) => {
    response.headers.set('X-On-This-Connection', String(session.ctx.onThisConnection))
    response.headers.set('X-Beta-Users', String(betaUsers))
  },
})

const upstream = (name: string) =>
  httpProxy({ requestFilter: (session) => session.respond(200, `${name}\n`), upstreamPeer: () => peer(undefined) })

await new Server({ workers: 1 })
  .listen(`127.0.0.1:${port}`, proxy)
  .listen(`127.0.0.1:${port + 1}`, upstream('stable'))
  .listen(`127.0.0.1:${port + 2}`, upstream('beta'))
  .run()
