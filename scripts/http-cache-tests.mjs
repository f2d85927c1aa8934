// The cases of the npm package http-cache-tests (https://cache-tests.fyi), the outside judge of HTTP caches, against a built gateway with proxy-cache.
//
//   node scripts/http-cache-tests.mjs [--id ID] [--disk] [--all]
//
// It asks for npm 6 of all things, which would take the place of the npm that runs our scripts: "overrides" in package.json puts something
// harmless there. HTTP_CACHE_TESTS names the folder of another version. Exit status 1 when fewer than MIN_PASSED pass, or a
// required one fails that is not in KNOWN.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const MIN_PASSED = 300

/** Required cases that fail, and why that is right. */
const CLOSED =
  'the upstream closes without an answer: the client gets a 502, and the case looks for a field that only the upstream sends'
const KNOWN = new Map([
  ['age-parse-prefix', 'an Age of two values is taken for old, as four other cases want it'],
  ['stale-close-must-revalidate', CLOSED],
  ['stale-close-proxy-revalidate', CLOSED],
  ['stale-close-no-cache', CLOSED],
  ['stale-close-s-maxage=2', CLOSED],
  [
    'surrogate-fresh-cc-nostore',
    'a target behind `;` is for gateways that send Surrogate-Capability, which this one does not',
  ],
  [
    'headers-store-Transfer-Encoding',
    'the upstream sends a transfer coding that is none: such a response is refused (RFC 9112 section 6.1)',
  ],
])

const root = fileURLToPath(new URL('..', import.meta.url))
const id = process.argv.includes('--id') ? process.argv[process.argv.indexOf('--id') + 1] : undefined

const folder = process.env['HTTP_CACHE_TESTS'] ?? join(root, 'node_modules/http-cache-tests')
const module = (path) => import(pathToFileURL(join(folder, path)).href)
const fetch = createRequire(join(folder, 'package.json'))('node-fetch')

/** A port that was free a moment ago. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

function started(child, stream, text) {
  return new Promise((resolve, reject) => {
    child[stream].on('data', (chunk) => String(chunk).includes(text) && resolve())
    child.once('exit', (status) => reject(new Error(`a server of the test ended with status ${status}`)))
  })
}

const scratch = mkdtempSync(join(tmpdir(), 'sekisho-cache-tests-'))
const originPort = await freePort()
const port = await freePort()
const origin = spawn(process.execPath, [join(folder, 'server/server.mjs')], {
  cwd: scratch,
  env: {
    ...process.env,
    npm_config_port: originPort,
    npm_config_protocol: 'http',
    npm_config_pidfile: join(scratch, 'pid'),
  },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const disk = process.argv.includes('--disk')
// What RFC 9111 leaves to the operator, and is off unless asked for, is on.
const CACHE = {
  cache_zone: 'zone',
  cache_strategy: disk ? 'disk' : 'memory',
  heuristic_fraction: 0.1,
  stale_if_error: 60,
  cache_set_cookie: true,
}
writeFileSync(
  join(scratch, 'sekisho.json'),
  JSON.stringify({
    listen: [`127.0.0.1:${port}`],
    workers: 1,
    metrics: false,
    proxy_cache: { zones: [{ name: 'zone', ...(disk ? { disk_path: './disk' } : {}) }] },
    routes: [
      { uri: '/test/*', upstream: { nodes: { [`localhost:${originPort}`]: 1 } }, plugins: { 'proxy-cache': CACHE } },
      { uri: '/*', upstream: { nodes: { [`localhost:${originPort}`]: 1 } } },
    ],
  }),
)
const gateway = spawn(
  process.execPath,
  [join(root, 'packages/cli/dist/main.js'), 'start', '-c', join(scratch, 'sekisho.json')],
  {
    stdio: ['ignore', 'inherit', 'pipe'],
  },
)
gateway.stderr.on('data', (text) => (id === undefined ? undefined : process.stderr.write(text)))
let failed = false
try {
  await Promise.all([started(origin, 'stdout', 'Listening'), started(gateway, 'stderr', 'serving')])
  const { default: suites } = await module('tests/index.mjs')
  const { default: surrogate } = await module('tests/surrogate-control.mjs')
  const { runTests, getResults } = await module('client/runner.mjs')
  const all = [...suites, surrogate]
  for (const suite of all) for (const test of suite.tests) if (test.id === id) test.dump = true
  const wanted =
    id === undefined ? all : [{ tests: all.flatMap(({ tests }) => tests.filter((test) => test.id === id)) }]
  await runTests(wanted, fetch, false, `http://127.0.0.1:${port}`, 25)
  failed = report(all, getResults())
} finally {
  origin.kill()
  gateway.kill()
  await new Promise((resolve) => gateway.once('exit', resolve))
  rmSync(scratch, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0

function report(all, results) {
  const kinds = new Map()
  const unexpected = []
  const rows = []
  let passed = 0
  for (const suite of all) {
    for (const test of suite.tests) {
      const result = results[test.id]
      if (result === undefined) continue
      const kind = test.kind ?? 'required'
      const count = kinds.get(kind) ?? { passed: 0, of: 0 }
      kinds.set(kind, count)
      count.of++
      if (result === true) {
        passed++
        count.passed++
        continue
      }
      // A case that stands on another one says nothing when that one does not pass.
      const dependency = (test.depends_on ?? []).find((one) => results[one] !== true)
      rows.push(
        `${kind.padEnd(9)} ${test.id}: ${result.join(': ')}${dependency === undefined ? '' : ` (stands on ${dependency})`}`,
      )
      if (kind === 'required' && dependency === undefined && !KNOWN.has(test.id)) unexpected.push(test.id)
    }
  }
  for (const row of rows.toSorted()) console.log(row)
  for (const [kind, count] of kinds) console.log(`${kind}: ${count.passed} of ${count.of}`)
  console.log(`${passed} of ${Object.keys(results).length} passed`)
  if (id !== undefined) return passed === 0
  if (unexpected.length > 0) console.log(`required, and failing without a known reason: ${unexpected.join(', ')}`)
  return passed < MIN_PASSED || unexpected.length > 0
}
