import { versionOf } from '../harness/programs.js'
import { runH2loadClosed } from '../load/h2load-closed.js'
import { LETTERS, smallBody } from '../upstream/bodies.js'
import { startH2Upstream } from '../upstream/h2-upstream.js'
import { askH2, expectBody } from './checks.js'
import { compare } from './comparison.js'

const GET = { connections: 8, streams: 16 }

/** Few streams: 32 megabytes at once are on their way. */
const LARGE = { connections: 8, streams: 4 }

const LARGE_BYTES = 1024 * 1024

/** @type {import('./scenario.js').Scenario} */
export const h2Get = {
  name: 'h2-get',
  title: 'plain GET over HTTP/2',
  summary: `${GET.connections} connections with ${GET.streams} streams each, without TLS, answers of 33 bytes; HTTP/1.1 to the upstream.`,
  proxies: ['ours', 'nginx', 'haproxy'],
  run: whereH2loadIs((bench) =>
    compare(bench, {
      setup: { ...GET, front: 'h2c' },
      check: (port) => checkGet(port, '/', Buffer.from(smallBody(LETTERS[0]))),
      load: (port, seconds) => runH2loadClosed({ ...GET, port, path: '/', seconds }),
      latency: false,
    }),
  ),
}

/** @type {import('./scenario.js').Scenario} */
export const h2Body1m = {
  name: 'h2-1mb',
  title: 'answers of 1 MB over HTTP/2',
  summary: `${LARGE.connections} connections with ${LARGE.streams} streams each, without TLS, GET of 1,048,576 bytes. HTTP/1.1 to the upstream, but HTTP/2 to one of raw frames where the name says so.`,
  proxies: ['ours', 'nginx', 'haproxy'],
  run: whereH2loadIs(runLarge),
}

/** Those of the table that can speak HTTP/2 to an upstream that is not gRPC. */
const H2_BEHIND = ['ours', 'haproxy']

/** @param {import('./scenario.js').Bench} bench */
async function runLarge(bench) {
  const body = Buffer.alloc(LARGE_BYTES, 'x')
  const { large, stop } = await startH2Upstream()
  const port = large.get('1m')
  if (port === undefined) throw new Error('the upstream has no body of 1 MB')
  const behind = bench.candidates
    .filter(({ proxy }) => H2_BEHIND.includes(proxy.name))
    .map((candidate) => withH2Behind(candidate, port))
  try {
    return await compare(
      { ...bench, candidates: [...bench.candidates, ...behind] },
      {
        setup: { ...LARGE, front: 'h2c' },
        check: (proxy) => checkGet(proxy, '/1m', body),
        load: (proxy, seconds) => runH2loadClosed({ ...LARGE, port: proxy, path: '/1m', seconds }),
        bytes: true,
        latency: false,
      },
    )
  } finally {
    await stop()
  }
}

/**
 * The same proxy, with another upstream that it speaks HTTP/2 to.
 * @param {import('./scenario.js').Candidate} candidate
 * @param {number} port
 * @returns {import('./scenario.js').Candidate}
 */
function withH2Behind({ proxy, version }, port) {
  return {
    version,
    proxy: {
      ...proxy,
      name: `${proxy.name}, h2 upstream`,
      start: (options) =>
        proxy.start({ ...options, upstreams: [port], scenario: { ...options.scenario, back: 'h2c' } }),
    },
  }
}

/**
 * @param {number} port
 * @param {string} path
 * @param {Buffer} body
 */
async function checkGet(port, path, body) {
  expectBody(await askH2(port, { ':path': path }), body)
}

/**
 * A scenario for machines with h2load: on others it has no rows, and says so.
 * @param {import('./scenario.js').Scenario['run']} run
 * @returns {import('./scenario.js').Scenario['run']}
 */
export function whereH2loadIs(run) {
  return async (bench) => {
    if (versionOf('h2load', ['--version']) !== undefined) return await run(bench)
    return { columns: [], rows: [], notes: ['Not measured: h2load is not installed (apt-get install nghttp2-client).'] }
  }
}
