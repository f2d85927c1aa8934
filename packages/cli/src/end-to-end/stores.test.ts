import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EtcdServer, etcdProgram } from '../../../gateway/src/store/etcd/testing/etcd-server.ts'
import { ask } from '../testing/curl.ts'
import { eventually } from '../testing/eventually.ts'
import { freePort } from '../testing/free-port.ts'
import { Sekisho } from '../testing/sekisho.ts'

const KEY = 'the-key-of-this-test'
let cwd: string
let running: Sekisho[] = []
let etcd: EtcdServer | undefined
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-stores-'))
})
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()))
  running = []
  await etcd?.dispose()
  etcd = undefined
  rmSync(cwd, { recursive: true })
})

interface Node {
  readonly sekisho: Sekisho
  readonly url: string
  readonly admin: string
  readonly metrics: string
}

const yaml = (store: string, metricsPort = 1, adminPort = 2): string => `listen: ["127.0.0.1:0"]
workers: 2
metrics: { address: "127.0.0.1:${metricsPort}" }
admin: { address: "127.0.0.1:${adminPort}", keys: [{ name: ops, key: ${KEY}, role: admin }] }
shutdown: { grace_period: 5 }
data_encryption: { keyring: ["a key ring of this test"] }
store: ${store}
`

async function start(name: string, store: string): Promise<Node> {
  const folder = join(cwd, name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'sekisho.yaml'), yaml(store, await freePort(), await freePort()))
  const sekisho = new Sekisho(['start'], { cwd: folder })
  running.push(sekisho)
  const [, url, metrics, admin] = await sekisho.printed(
    /^serving .* on (http:\S+?), metrics on (http:\S+?), Admin API on (http:\S+?), 2 workers/m,
  )
  return { sekisho, url: url, metrics: metrics, admin: `${admin}/apisix/admin` }
}

/** Asks the Admin API; rejects for an answer that is no success. */
function admin(node: Node, method: string, path: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${node.admin}/${path}`,
      { method, headers: { 'x-api-key': KEY }, agent: false },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => {
          if ((response.statusCode ?? 0) < 300) resolve(JSON.parse(text))
          else reject(new Error(`${response.statusCode} ${text}`))
        })
      },
    )
    asked.on('error', reject)
    asked.end(body && JSON.stringify(body))
  })
}

/** As an operator with etcdctl. */
const etcdctl = (...args: string[]): string =>
  execFileSync('etcdctl', [`--endpoints=${etcd!.url}`, ...args], {
    env: { ...process.env, ETCDCTL_API: '3' },
    encoding: 'utf8',
  })

const mock = (text: string) => ({
  uri: '/mock',
  plugins: { mocking: { response_example: text, content_type: 'text/plain' } },
})
const body = (node: Node) => async (): Promise<string> => (await ask(`${node.url}/mock`)).body
const metric = async (node: Node, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await ask(node.metrics)).body)?.[1])

describe('an embedded store', () => {
  it('keeps what was written, over a restart and an upgrade in place', { timeout: 60_000 }, async () => {
    const first = await start('node', '{ type: embedded, path: ./data }')
    await admin(first, 'PUT', 'routes/a', mock('one'))
    await eventually(body(first), (seen) => seen === 'one')
    await first.sekisho.stop()

    const second = await start('node', '{ type: embedded, path: ./data }')
    expect(await body(second)()).toBe('one')
    second.sekisho.child.kill('SIGUSR2')
    await second.sekisho.printed(/^serving .* generation 2\)$/m)
    await eventually(
      () => admin(second, 'PUT', 'routes/a', mock('two')).then(body(second), String),
      (seen) => seen === 'two',
    )
    expect(await admin(second, 'GET', 'history')).toMatchObject({ revision: 2 })
  })

  it('is refused together with routes in the file, in words', async () => {
    writeFileSync(
      join(cwd, 'sekisho.yaml'),
      `${yaml('{ type: embedded, path: ./data }')}routes:\n  - { uri: /a, upstream: "http://a" }\n`,
    )
    const sekisho = new Sekisho(['check'], { cwd })
    running.push(sekisho)
    expect(await sekisho.exited).toBe(1)
    expect(sekisho.stdout + sekisho.stderr).toContain(
      'are kept in the store ("store: { type: embedded }"), and cannot be in this file; move them to a file of their own and run "sekisho apply -f FILE"',
    )
  })
})

describe.skipIf(etcdProgram === undefined)('etcd (skipped without the program etcd)', () => {
  const store = (): string => `{ type: etcd, endpoints: ["${etcd!.url}"] }`

  it('brings a change to all nodes, which go on and start without it, and catch up', { timeout: 90_000 }, async () => {
    etcd = await EtcdServer.start()
    const [a, b] = await Promise.all([start('a', store()), start('b', store())])
    await admin(a, 'PUT', 'routes/a', mock('one'))
    await eventually(body(b), (seen) => seen === 'one')
    await admin(b, 'PUT', 'consumers/jack', { username: 'jack', plugins: { 'key-auth': { key: 'open sesame' } } })

    // Somebody who asks nobody: what is not valid is left out, and the rest goes on.
    etcdctl('put', '/sekisho/routes/a', '{"uri":"wrong"}')
    etcdctl(
      'put',
      '/sekisho/routes/b',
      '{"id":"b","uri":"/b","plugins":{"mocking":{"response_example":"b","content_type":"text/plain"}}}',
    )
    await eventually(
      async () => (await ask(`${b.url}/b`)).body,
      (seen) => seen === 'b',
    )
    expect(await body(b)()).toBe('one')
    expect(await metric(b, 'sekisho_config_refused_documents')).toBe(1)
    await b.sekisho.printed(/\/routes\/a\/uri {2}\\"wrong\\": must start with/)

    await etcd.kill()
    await eventually(
      () => metric(b, 'sekisho_store_connected'),
      (seen) => seen === 0,
    )
    expect(await body(b)()).toBe('one')
    await expect(admin(b, 'PUT', 'routes/c', mock('c'))).rejects.toThrow(/^503 /)
    await b.sekisho.stop()
    expect(statSync(join(cwd, 'b/data/last-good')).mode & 0o777).toBe(0o600)
    const again = await start('b', store())
    await again.sekisho.printed(/the node starts with the last good configuration/)
    // Also the last good value of what is not valid.
    expect(await body(again)()).toBe('one')
    expect((await ask(`${again.url}/b`)).body).toBe('b')

    await etcd.start()
    await eventually(
      () => metric(again, 'sekisho_store_connected'),
      (seen) => seen === 1,
    )
    await eventually(
      () => admin(a, 'PUT', 'routes/a', mock('two')).catch(String),
      (seen) => typeof seen !== 'string',
    )
    await eventually(body(again), (seen) => seen === 'two')
    await eventually(body(a), (seen) => seen === 'two')
    expect(await admin(again, 'GET', 'configs?secrets=true')).toMatchObject({
      consumers: [{ plugins: { 'key-auth': { key: 'open sesame' } } }],
    })
    expect(etcdctl('get', '/sekisho/consumers/jack')).toMatch(/"key":"\$enc:\/\/1\//)
  })
})
