import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../../testing/eventually.ts'
import { freePort } from '../../testing/free-port.ts'
import { Sekisho } from '../../testing/sekisho.ts'
import { H2Load } from './testing/h2-load.ts'
import { HttpLoad } from './testing/http-load.ts'
import { grpcStream, webSocketStream, type StreamEnd } from './testing/long-streams.ts'
import { startUpstreams, type Upstreams } from './testing/upstreams.ts'

// `npm run test:upgrade` sets these; here a short form.
const UPGRADES = Number(process.env['UPGRADES'] ?? 2)
const RELOADS = Number(process.env['RELOADS'] ?? 6)
const RATE = Number(process.env['UPGRADE_RATE'] ?? 500)

const GRACE_MS = 5_000
/**
 * No more than four processes may drain at a time: the oldest would be ended early. In the long form there is more time, as the start of a
 * process takes one to two seconds of the one core that also serves.
 */
const BETWEEN_UPGRADES_MS = process.env['UPGRADES'] === undefined ? 500 : 8_000
/** After the deadline: closing, telling, and a machine that is busy. */
const LATE_MS = 3_000
const FOR_EVER_MS = 600_000
const H2_LANES = 2

const folder = mkdtempSync(join(tmpdir(), 'sekisho-upgrades-'))
let upstreams: Upstreams
let gateway: Sekisho
let port = 0
let metricsPort = 0

function writeConfiguration(version: number): void {
  writeFileSync(
    join(folder, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
metrics: { address: "127.0.0.1:${metricsPort}" }
workers: 1
shutdown: { grace_period: ${GRACE_MS / 1000} }
routes:
  - id: http
    uri: /*
    labels: { version: "${version}" }
    upstream: { nodes: { "127.0.0.1:${upstreams.http}": ${1 + (version % 2)} } }
    plugins: { request-id: { header_name: "x-version-${version}" } }
  - { id: ws, uri: /ws, enable_websocket: true, upstream: "http://127.0.0.1:${upstreams.webSocket}" }
  - { id: grpc, uri: /test.Bytes/*, upstream: { scheme: grpc, nodes: { "${upstreams.grpc}": 1 } } }
  - { id: "other-${version}", uri: "/other/${version}", upstream: "http://127.0.0.1:1" }
`,
  )
}

const version = async (): Promise<string | undefined> => {
  const { headers } = await fetch(`http://127.0.0.1:${port}/version`)
  return [...headers.keys()].find((name) => name.startsWith('x-version-'))?.slice('x-version-'.length)
}

beforeAll(async () => {
  upstreams = await startUpstreams()
  metricsPort = await freePort()
  writeConfiguration(0)
  gateway = new Sekisho(['start'], { cwd: folder })
  port = Number((await gateway.printed(/^serving \S+ on http:\/\/127\.0\.0\.1:(\d+)/m))[1])
  onOneCore()
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  await upstreams.stop()
  rmSync(folder, { recursive: true })
})

/** The gateway, and what it starts, gets the last core alone, where that can be said. */
function onOneCore(): void {
  if (process.env['UPGRADES'] === undefined || availableParallelism() < 2) return
  const core = String(availableParallelism() - 1)
  const pids = [gateway.child.pid, Number(/process (\d+)/.exec(gateway.stderr)?.[1])]
  for (const pid of pids) execFileSync('taskset', ['-a', '-c', '-p', core, String(pid)], { stdio: 'ignore' })
}

it(
  `${UPGRADES} upgrades and ${RELOADS} reloads lose no request, and streams end by themselves or by the deadline`,
  async () => {
    const short: Promise<StreamEnd>[] = []
    const long = [grpcStream(port, FOR_EVER_MS), webSocketStream(port, FOR_EVER_MS)]
    const http = new HttpLoad({ port, connections: 32, rate: RATE })
    const h2 = new H2Load(port, H2_LANES)
    const unready: string[] = []
    const probe = setInterval(() => {
      fetch(`http://127.0.0.1:${metricsPort}/status/ready`, { headers: { connection: 'close' } }).then(
        async (response) => {
          const body = await response.text()
          if (response.status !== 200) unready.push(`${response.status} ${body}`)
        },
        (error: unknown) => unready.push(String((error as Error).cause)),
      )
    }, 100)

    let reloads = 0
    const reload = async (): Promise<void> => {
      writeConfiguration(++reloads)
      gateway.child.kill('SIGHUP')
      await eventually(version, (seen) => seen === String(reloads))
    }
    const perUpgrade = Math.floor(RELOADS / UPGRADES)
    const drained = performance.now()
    for (let upgrade = 1; upgrade <= UPGRADES; upgrade++) {
      // They outlive this upgrade, and end before the time to drain is over.
      short.push(grpcStream(port, GRACE_MS / 2), webSocketStream(port, GRACE_MS / 2))
      await pause(BETWEEN_UPGRADES_MS / 2)
      gateway.child.kill('SIGUSR2')
      await gateway.printed(new RegExp(`generation ${upgrade + 1}\\)$`, 'm'))
      const until = performance.now() + BETWEEN_UPGRADES_MS
      while (reloads < (upgrade === UPGRADES ? RELOADS : perUpgrade * upgrade)) await reload()
      await pause(Math.max(0, until - performance.now()))
    }
    const ends = await Promise.all(short)
    await http.stop()
    await h2.stop()
    const cut = await Promise.all(long)
    clearInterval(probe)

    expect(http.failures).toEqual([])
    expect(h2.failures).toEqual([])
    expect(unready).toEqual([])
    expect(ends.filter(({ byItself }) => !byItself)).toEqual([])
    // Opened before the first upgrade, they were cut when that one's time was over, and told so.
    for (const { livedMs, echoed, said } of cut) {
      expect(livedMs).toBeGreaterThan(GRACE_MS)
      expect(livedMs).toBeLessThan(performance.now() - drained + LATE_MS)
      expect(said - echoed).toBeLessThanOrEqual(2)
    }
    expect(cut.map(({ code }) => code)).toEqual([14, 1001])
    expect(upstreams.closeCodes).toContain(1001)
    expect(h2.goAways).toBeGreaterThan(0)
    const rates = `${Math.round(http.rate)} requests/s over HTTP/1.1 (${http.answered}), ${h2.answered} requests over HTTP/2`
    console.log(`${UPGRADES} upgrades, ${reloads} reloads: ${rates}, ${ends.length} streams`)
    if (process.env['UPGRADES'] !== undefined)
      expect(http.rate, 'nothing was lost, but this machine was too busy for the rate').toBeGreaterThan(RATE * 0.9)
  },
  UPGRADES * 20_000 + 60_000,
)
