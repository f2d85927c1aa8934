import { runWebSocket } from '../load/websocket.js'
import { startWebSocketEcho } from '../upstream/websocket-echo.js'
import { checkWebSocket } from './checks.js'
import { compare } from './comparison.js'
import { CLIENTS } from './throughput.js'

/** @type {import('./scenario.js').Scenario} */
export const websocket = {
  name: 'websocket',
  title: 'WebSocket echo',
  summary: `Messages of 33 bytes over ${CLIENTS} connections (HTTP/1.1, without TLS), one in flight on each. A request is a message and its echo; every echo is compared.`,
  proxies: ['ours', 'nginx', 'haproxy'],
  run,
}

/** @param {import('./scenario.js').Bench} bench */
async function run(bench) {
  const { port, stop } = await startWebSocketEcho()
  try {
    return await compare(
      { ...bench, upstream: { ...bench.upstream, ports: [port] } },
      {
        setup: { connections: CLIENTS, websocket: true },
        check: checkWebSocket,
        load: (proxy, seconds) => runWebSocket({ port: proxy, connections: CLIENTS, seconds }),
      },
    )
  } finally {
    await stop()
  }
}
