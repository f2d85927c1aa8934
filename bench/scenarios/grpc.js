import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runH2loadClosed } from '../load/h2load-closed.js'
import { MESSAGE, METHOD } from '../upstream/grpc-message.js'
import { startH2Upstream } from '../upstream/h2-upstream.js'
import { askH2, expectBody, expectGrpcOk } from './checks.js'
import { compare } from './comparison.js'
import { whereH2loadIs } from './h2.js'

const CONNECTIONS = 8
const STREAMS = 16

const HEADERS = { 'content-type': 'application/grpc', te: 'trailers' }

/** @type {import('./scenario.js').Scenario} */
export const grpc = {
  name: 'grpc',
  title: 'unary gRPC',
  summary: `Calls of 33 bytes, answers of 33 bytes and trailers, over HTTP/2 without TLS on both sides; ${CONNECTIONS} connections with ${STREAMS} streams each, by h2load.`,
  proxies: ['ours', 'nginx', 'haproxy', 'node-http2'],
  run: whereH2loadIs(run),
}

/** @param {import('./scenario.js').Bench} bench */
async function run(bench) {
  const data = join(bench.workspace.folder('call'), 'message')
  writeFileSync(data, MESSAGE)
  const headers = Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}`)
  const plan = { path: METHOD, connections: CONNECTIONS, streams: STREAMS, data, headers }
  const { grpc: port, stop } = await startH2Upstream()
  try {
    return await compare(
      { ...bench, upstream: { ...bench.upstream, ports: [port] } },
      {
        setup: { connections: CONNECTIONS, streams: STREAMS, front: 'h2c', back: 'grpc' },
        check,
        load: (proxy, seconds) => runH2loadClosed({ ...plan, port: proxy, seconds }),
        latency: false,
      },
    )
  } finally {
    await stop()
  }
}

/** @param {number} port */
async function check(port) {
  const answer = await askH2(port, { ':method': 'POST', ':path': METHOD, ...HEADERS }, MESSAGE)
  expectBody(answer, MESSAGE)
  expectGrpcOk(answer)
}
