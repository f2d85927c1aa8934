// Retry with a growing pause. The framework tries again at once; a pause is a promise in upstreamPeer.
//
//   node examples/backoff-retry.ts
//   curl -i http://127.0.0.1:6188/                    200 with x-attempts: 3 (after 100 ms and 200 ms)
//   curl -i http://127.0.0.1:6188/hopeless            502 after four attempts

import { setTimeout as pause } from 'node:timers/promises'
import { httpProxy, peer, Server } from '@sekisho/proxy'

const port = Number(process.env['PORT'] ?? 6188)
const pauseMs = Number(process.env['PAUSE_MS'] ?? 100)
const [alive, dead] = [`127.0.0.1:${port + 1}`, '127.0.0.1:1']

const retrying = httpProxy(
  {
    async upstreamPeer(session) {
      if (session.attempts > 1) await pause(pauseMs * 2 ** (session.attempts - 2))
      return peer(session.request.path === '/hopeless' || session.attempts < 3 ? dead : alive, {
        connectTimeoutMs: 1_000,
      })
    },
    failToConnect(session, _peer, error) {
      // Nothing was sent yet, so error.retry is true for any method. This is where a program would give up early.
      console.error(`attempt ${session.attempts}: ${error.code}`)
    },
    responseFilter: (session, response) => response.headers.set('X-Attempts', String(session.attempts)),
  },
  { maxRetries: 3 },
)

const upstream = httpProxy({
  requestFilter: (session) => session.respond(200, 'here at last\n'),
  upstreamPeer: () => peer(undefined),
})

await new Server({ workers: 1 }).listen(`127.0.0.1:${port}`, retrying).listen(alive, upstream).run()
