// At most three requests in ten seconds for each app, exact over all worker threads.
//
//   node examples/rate-limiter.ts
//   for i in 1 2 3 4; do curl -i -H 'App-Id: a' http://127.0.0.1:6188/; done
//                                                     three times 200 with x-rate-limit-remaining: 2, 1, 0, then 429
//   curl -i -H 'App-Id: b' http://127.0.0.1:6188/     another app has its own count; without App-Id there is no limit

import {
  FIXED_WINDOW_CELLS,
  FixedWindow,
  httpProxy,
  peer,
  Server,
  SharedTable,
  type WorkerContext,
} from '@sekisho/proxy'

const port = Number(process.env['PORT'] ?? 6188)
const [limit, windowMs] = [3, 10_000]

/** Each worker makes its own proxy; the counters are in memory that all of them share. */
function limited(worker: WorkerContext) {
  const window = new FixedWindow(new SharedTable(worker.shared['limits']!, worker.index), 'app')
  return httpProxy<{ remaining: number }>({
    newContext: () => ({ remaining: -1 }),
    requestFilter(session) {
      const app = session.request.headers.get('app-id')
      if (app === undefined) return
      session.ctx.remaining = window.take(app, 1, limit, windowMs, Date.now())
      if (session.ctx.remaining >= 0) return
      session.respond(429, 'too many requests\n', { 'Retry-After': String(Math.ceil(window.resetMs / 1_000)) })
    },
    upstreamPeer: () => peer(`127.0.0.1:${port + 1}`),
    responseFilter({ ctx }, response) {
      if (ctx.remaining >= 0) response.headers.set('X-Rate-Limit-Remaining', String(ctx.remaining))
    },
  })
}

const upstream = httpProxy({
  requestFilter: (session) => session.respond(200, 'hello\n'),
  upstreamPeer: () => peer(undefined),
})

await new Server({ workers: 2 })
  .control((control) => {
    control.shared['limits'] = SharedTable.createBuffer({ cells: FIXED_WINDOW_CELLS })
  })
  .listen(`127.0.0.1:${port}`, limited)
  .listen(`127.0.0.1:${port + 1}`, upstream)
  .run()
