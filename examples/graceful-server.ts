// A server that stops, reloads and upgrades without losing a request.
//
//   node examples/graceful-server.ts                  prints the process id of the supervisor
//   curl http://127.0.0.1:6188/                       answered by one of two worker threads of the gateway process
//   curl http://127.0.0.1:6188/slow &                 takes two seconds
//   kill -TERM <pid>                                  no new connections; /slow gets its answer; then the process ends with status 0
//   kill -USR2 <pid>                                  a new gateway process takes over the same socket, the old one drains
//   kill -HUP <pid>                                   what the control thread registered: here it counts

import { setTimeout as pause } from 'node:timers/promises'
import { httpProxy, peer, Server, type WorkerContext } from '@sekisho/proxy'

const port = Number(process.env['PORT'] ?? 6188)

function application(worker: WorkerContext) {
  let reloads = 0
  worker.onMessage((message) => (reloads = message as number))
  return httpProxy({
    async requestFilter(session) {
      if (session.request.path === '/slow') {
        console.log('a slow request began')
        await pause(Number(process.env['SLOW_MS'] ?? 2_000))
      }
      session.respond(200, { process: process.pid, worker: worker.index, reloads })
    },
    upstreamPeer: () => peer(undefined),
  })
}

await new Server({
  workers: 2,
  gracePeriodMs: 10_000,
  onReady: (info) => console.log(`ready: supervisor ${info.supervisorPid}, gateway process ${info.gatewayPid}`),
})
  .control((control) => {
    let reloads = 0
    control.onReload(() => control.broadcast(++reloads))
  })
  .listen(`127.0.0.1:${port}`, application)
  .run()
