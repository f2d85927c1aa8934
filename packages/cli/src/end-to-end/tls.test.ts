import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FakeCa } from '../../../gateway/src/tls/acme/testing/fake-ca.ts'
import { hasOpenssl } from '../../../gateway/src/tls/acme/testing/issuer.ts'
import { A_CERTIFICATE, A_EXPIRED, A_RENEWED, KEY } from '../../../gateway/src/tls/testing/server-certificates.ts'
import { TlsClient } from '../../../gateway/src/tls/testing/tls-client.ts'
import { freePort } from '../testing/free-port.ts'
import { sekisho, Sekisho } from '../testing/sekisho.ts'

let cwd: string
let upstream: Server
let running: Sekisho | undefined
let clients: TlsClient[] = []
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-tls-'))
  upstream = createServer((request, response) => response.end(JSON.stringify({ url: request.url })))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  for (const client of clients) client.close()
  clients = []
  await running?.stop()
  running = undefined
  upstream.closeAllConnections()
  await new Promise((resolve) => upstream.close(resolve))
  rmSync(cwd, { recursive: true })
})

const eventually = (expectations: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(expectations, { timeout: 30_000, interval: 25 })

/** Starts a gateway of four workers with a plain and a TLS listener; gives their ports. */
async function start(settings: string): Promise<{ plain: number; tls: number }> {
  const node = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0", { address: "127.0.0.1:${await freePort()}", tls: true }]
workers: 4
metrics: false
${settings}
routes: [{ id: all, uri: /*, upstream: "${node}" }]
`,
  )
  running = new Sekisho(['start'], { cwd })
  const [, plain, tls] = await running.printed(/^serving \S+ on http:\/\/\S+:(\d+), https:\/\/\S+:(\d+),/m)
  return { plain: Number(plain), tls: Number(tls) }
}

async function connect(port: number, options?: Parameters<typeof TlsClient.connect>[1]): Promise<TlsClient> {
  const client = await TlsClient.connect(port, options)
  clients.push(client)
  return client
}

const SSLS = 'ssls: [{ sni: a.test, cert: { file: a.pem }, key: { file: a.key } }]'

it('replaces a certificate file live, on every worker, under open connections', async () => {
  writeFileSync(join(cwd, 'a.pem'), A_CERTIFICATE)
  writeFileSync(join(cwd, 'a.key'), KEY)
  const { tls } = await start(SSLS)
  const open = await Promise.all(Array.from({ length: 8 }, () => connect(tls)))
  for (const client of open) expect((await client.get('/1')).body.url).toBe('/1')
  const before = open[0].fingerprint
  writeFileSync(join(cwd, 'a.pem'), A_RENEWED)
  await eventually(async () => {
    // Twelve handshakes in a row: all four workers have met some.
    for (let at = 0; at < 12; at++) expect((await connect(tls)).fingerprint).not.toBe(before)
  })
  for (const client of open) expect((await client.get('/2')).body.url).toBe('/2')
  await expect(connect(tls, { servername: 'c.test' })).rejects.toThrow()
  await running?.printed(/refused a connection: no certificate for c\.test/)
  // What is broken changes nothing.
  writeFileSync(join(cwd, 'a.key'), 'broken')
  await running?.printed(/holds no private key/)
  expect((await (await connect(tls)).get('/3')).status).toBe(200)
})

it.each(['TLSv1.2', 'TLSv1.3'] as const)('resumes a session of %s on any of four workers', async (maxVersion) => {
  writeFileSync(join(cwd, 'a.pem'), A_CERTIFICATE)
  writeFileSync(join(cwd, 'a.key'), KEY)
  const { tls } = await start(SSLS)
  const first = await connect(tls, { maxVersion })
  await first.get('/')
  const session = await first.session
  const again = await Promise.all(Array.from({ length: 16 }, () => connect(tls, { maxVersion, session })))
  expect(again.map(({ socket }) => socket.isSessionReused())).toEqual(Array(16).fill(true))
  expect((await again[0].get('/x')).body.url).toBe('/x')
})

it('warns of certificates whose time is over, and starts', async () => {
  writeFileSync(join(cwd, 'a.pem'), A_EXPIRED)
  writeFileSync(join(cwd, 'a.key'), KEY)
  await start(SSLS)
  await running?.printed(/the certificate of ssl .* has expired on Jan {2}1 00:00:00 2021 GMT/)
  const { status, stdout } = await sekisho(['check'], { cwd })
  expect(status).toBe(0)
  expect(stdout).toMatch(/^warning: the certificate of ssl .* has expired/m)
})

it('refuses FIPS mode where OpenSSL has none', async () => {
  writeFileSync(join(cwd, 'sekisho.yaml'), 'fips: true\nlisten: ["127.0.0.1:0"]\nmetrics: false\nroutes: []\n')
  const { status, stdout } = await sekisho(['check'], { cwd })
  const available = status === 0
  expect(stdout).toContain(available ? 'FIPS mode on' : 'FIPS mode is asked for and not available')
  if (available) return
  const started = await sekisho(['start'], { cwd })
  expect(started.status).not.toBe(0)
  expect(started.stderr).toContain('"fips": this Node.js has no FIPS cryptography')
})

it.skipIf(!hasOpenssl)(
  'gets a certificate by ACME, serves it at once, and keeps it (openssl)',
  async () => {
    let ports = { plain: 0, tls: 0 }
    // The gateway asks for certificates before the test has read where it serves.
    const validationPort = () => vi.waitUntil(() => ports.plain, { timeout: 30_000 })
    const ca = await FakeCa.start({ validationPort })
    const acme = `acme: { domains: [a.test, b.test], agree_to_terms: true, email: ops@a.test, directory: "${ca.directory}" }`
    try {
      ports = await start(acme)
      const trusted = { ca: ca.issuer.root }
      await eventually(async () => {
        for (let at = 0; at < 8; at++) {
          for (const servername of ['a.test', 'b.test']) await connect(ports.tls, { ...trusted, servername })
        }
      })
      expect(ca.problems).toEqual([])
      expect(ca.accounts).toHaveLength(1)
      const folder = join(cwd, 'data', 'acme', readdirSync(join(cwd, 'data', 'acme'))[0])
      await eventually(() => expect(readdirSync(folder).sort()).toEqual(['a.test.pem', 'account.key', 'b.test.pem']))
      for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
      await running?.stop()
      const asked = ca.requests.length
      ports = await start(acme)
      const client = await connect(ports.tls, { ...trusted, servername: 'b.test' })
      expect((await client.get('/x', 'b.test')).body.url).toBe('/x')
      expect(ca.requests.length).toBe(asked)
    } finally {
      await ca.close()
    }
  },
  60_000,
)
