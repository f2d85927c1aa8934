import { makeCertificate } from '../harness/certificate.js'
import { sampleTree } from '../harness/process-tree.js'
import { countHandshakes } from '../load/handshakes.js'
import { runWrk } from '../load/wrk.js'
import { LETTERS, smallBody } from '../upstream/bodies.js'
import { askTls } from './checks.js'
import { compare } from './comparison.js'
import { interleaved } from './rounds.js'
import { CLIENTS } from './throughput.js'
import { withProxy } from './with-proxy.js'

/** What wrk and these servers agree on when nobody is told otherwise: the same for all, or nothing can be compared. */
const PROTOCOL = 'TLSv1.3'
const CIPHER = 'TLS_AES_256_GCM_SHA384'

/** @type {readonly import('../report/table.js').Column[]} */
const HANDSHAKE_COLUMNS = [
  { key: 'handshakesPerSecond', title: 'handshakes/s', unit: 'count' },
  { key: 'handshakeMicros', title: 'CPU/handshake', unit: 'micros' },
]

/** @type {import('./scenario.js').Scenario} */
export const tlsGet = {
  name: 'tls-get',
  title: 'plain GET over TLS 1.3',
  summary: `${CLIENTS} keep-alive connections, HTTP/1.1, answers of 33 bytes; the upstream has no TLS. One certificate, ECDSA on P-256; ${CIPHER}. Handshakes are new sessions, none resumed, and carry no request.`,
  proxies: ['ours', 'nginx', 'haproxy'],
  run,
}

/**
 * @param {import('./scenario.js').Bench} bench
 * @returns {Promise<import('./scenario.js').Outcome>}
 */
async function run(bench) {
  const certificate = makeCertificate(bench.workspace.folder('certificate'))
  /** @type {import('../proxies/proxy.js').Setup} */
  const setup = { connections: CLIENTS, front: 'tls', certificate }
  const { columns, rows, notes } = await compare(bench, {
    setup,
    check,
    load: (port, seconds) => runWrk({ port, path: '/', seconds, connections: CLIENTS, tls: true }),
  })
  const measured = bench.candidates.filter(({ proxy }) => rows.some(({ name }) => name === proxy.name))
  const handshakes = await interleaved(
    { ...bench, candidates: measured, rounds: 1 },
    ({ proxy }) => withProxy(bench, proxy, setup, ({ pid }, port) => shakeHands(pid, port, bench.seconds)),
    (sample) => `${Math.round(sample.handshakesPerSecond)} handshakes/s`,
  )
  return {
    columns: [...columns, ...HANDSHAKE_COLUMNS],
    rows: rows.map((row) => ({ ...row, ...handshakes.samples.get(String(row.name))?.[0] })),
    notes: [...notes, ...handshakes.notes],
  }
}

/**
 * @param {number} pid
 * @param {number} port
 * @param {number} seconds
 */
async function shakeHands(pid, port, seconds) {
  await countHandshakes({ port, seconds: 1 })
  const before = { cpu: sampleTree(pid).cpuSeconds, at: performance.now() }
  const count = await countHandshakes({ port, seconds })
  const cpu = sampleTree(pid).cpuSeconds - before.cpu
  return {
    handshakesPerSecond: (count * 1000) / (performance.now() - before.at),
    handshakeMicros: (cpu * 1e6) / count,
  }
}

/** @param {number} port */
async function check(port) {
  const { status, body, protocol, cipher } = await askTls(port)
  if (status !== 200) throw new Error(`answered status ${status}`)
  if (body !== smallBody(LETTERS[0])) throw new Error('the answer is not that of the upstream')
  if (protocol !== PROTOCOL || cipher !== CIPHER) {
    throw new Error(`agreed on ${protocol} with ${cipher}, not on ${PROTOCOL} with ${CIPHER}`)
  }
}
