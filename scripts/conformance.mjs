// npm run test:conformance: h2spec, the outside judge of HTTP/2 servers, against a built gateway with a plain port and a TLS port.
// It is a Go program: without Go there is nothing to run, and this says so.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const H2SPEC = 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible'

/**
 * By port and section. On the plain port HTTP/1.1 is spoken, too: bytes that are no preface of HTTP/2 are a malformed request of
 * HTTP/1.1, and are answered 400 and closed as such. h2spec wants GOAWAY or the end of the connection without a word.
 */
const SKIPPED = new Map([['plain 3.5/2', 'shared with HTTP/1.1, which answers 400 and closes']])

const root = fileURLToPath(new URL('..', import.meta.url))

function h2spec() {
  const folder = join(root, 'node_modules/.cache/sekisho')
  const program = join(folder, 'h2spec')
  if (existsSync(program)) return program
  if (spawnSync('go', ['version']).status !== 0) {
    console.log('skipped: h2spec is a Go program, and go is not installed')
    process.exit(0)
  }
  mkdirSync(folder, { recursive: true })
  console.log(`go install ${H2SPEC}`)
  if (spawnSync('go', ['install', H2SPEC], { env: { ...process.env, GOBIN: folder }, stdio: 'inherit' }).status !== 0) {
    console.log('skipped: go could not install h2spec')
    process.exit(0)
  }
  return program
}

const listening = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))

/** A port that was free a moment ago. */
async function freePort() {
  const server = createTcpServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The certificate that the tests use; h2spec does not verify it. */
function certificate(name) {
  const text = readFileSync(join(root, 'packages/wire/src/testing/certificates.ts'), 'utf8')
  return new RegExp(`${name} = \`([^\`]*)`).exec(text)[1]
}

function ready(gateway) {
  return new Promise((resolve, reject) => {
    gateway.stderr.on('data', (text) => String(text).includes('serving') && resolve())
    gateway.once('exit', (status) => reject(new Error(`the gateway ended with status ${status}`)))
  })
}

/** Runs h2spec. @returns its cases in order */
function judge(program, name, port, folder) {
  const report = join(folder, `${name}.xml`)
  const flags = name === 'TLS' ? ['--tls', '--insecure'] : []
  return new Promise((resolve, reject) => {
    const run = spawn(program, ['-h', '127.0.0.1', '-p', String(port), '-j', report, ...flags], { stdio: 'ignore' })
    run.once('error', reject)
    run.once('exit', () => resolve(readReport(readFileSync(report, 'utf8'))))
  })
}

function readReport(xml) {
  const cases = []
  for (const [, suite, body] of xml.matchAll(/<testsuite [^>]*?package="([^"]*)"[^>]*>([^]*?)<\/testsuite>/g)) {
    let number = 0
    for (const [, title, inner] of body.matchAll(
      /<testcase [^>]*?classname="([^"]*)"[^>]*?(?:\/>|>([^]*?)<\/testcase>)/g,
    )) {
      const section = `${suite}/${++number}`.replace(/^(http2|generic|hpack)\//, (part) =>
        part === 'http2/' ? '' : part,
      )
      cases.push({ section, title, failed: /<(failure|error)/.test(inner ?? ''), why: inner ?? '' })
    }
  }
  return cases
}

function print(name, cases) {
  const failed = cases.filter((one) => one.failed)
  const skipped = failed.filter((one) => SKIPPED.has(`${name} ${one.section}`))
  for (const one of skipped) console.log(`  ${name} ${one.section} skipped: ${SKIPPED.get(`${name} ${one.section}`)}`)
  const wrong = failed.filter((one) => !skipped.includes(one))
  for (const one of wrong) console.log(`  ${name} ${one.section} FAILED: ${one.title}\n${one.why.trim()}`)
  const passed = cases.length - failed.length
  console.log(
    `${name.padEnd(6)} ${cases.length} cases, ${passed} passed, ${skipped.length} skipped, ${wrong.length} failed`,
  )
  return wrong.length === 0 && cases.length > 100
}

const program = h2spec()
const folder = mkdtempSync(join(tmpdir(), 'sekisho-conformance-'))
const upstream = createServer((request, response) => request.resume().on('end', () => response.end('hello\n')))
let gateway
let good = false
try {
  const [origin, plain, tls] = [await listening(upstream), await freePort(), await freePort()]
  const [cert, key, config] = ['cert.pem', 'key.pem', 'sekisho.json'].map((name) => join(folder, name))
  writeFileSync(cert, certificate('EC_CERTIFICATE'))
  writeFileSync(key, certificate('EC_KEY'))
  const document = {
    metrics: { address: `127.0.0.1:${await freePort()}` },
    listen: [`127.0.0.1:${plain}`, { address: `127.0.0.1:${tls}`, tls: { cert, key } }],
    workers: 1,
    routes: [{ uri: '/*', upstream: `http://127.0.0.1:${origin}` }],
  }
  writeFileSync(config, JSON.stringify(document))
  const command = join(root, 'packages/cli/bin/sekisho.js')
  gateway = spawn(process.execPath, [command, 'start', '-c', config], { stdio: ['ignore', 'inherit', 'pipe'] })
  await ready(gateway)
  const [first, second] = [await judge(program, 'plain', plain, folder), await judge(program, 'TLS', tls, folder)]
  good = [print('plain', first), print('TLS', second)].every(Boolean)
} finally {
  gateway?.kill('SIGTERM')
  upstream.closeAllConnections()
  upstream.close()
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = good ? 0 : 1
