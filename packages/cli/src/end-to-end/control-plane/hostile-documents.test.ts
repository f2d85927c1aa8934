import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdServer, etcdProgram } from '../../../../gateway/src/store/etcd/testing/etcd-server.ts'
import { eventually } from '../../testing/eventually.ts'
import { HOSTILE_DOCUMENTS } from './testing/hostile-documents.ts'
import { type AdminAnswer, GatewayNode } from './testing/node.ts'
import { numbered, PairLoad, seenBy, startUpstream } from './testing/pairs.ts'

/** Most take a few milliseconds; 1.5 MiB of mistakes up to half a second, and machines that run tests are busy. */
const MAX_ANSWER_MS = 20_000
/** Of the gateway process: some garbage, and no more for the hundredth document than for the first. */
const MAX_GROWTH_MIB = 500
/** An answer is about a document, and does not repeat it. */
const MAX_ANSWER_LENGTH = 64 * 1024
const MIB = 1024 * 1024

let folder: string
let upstream: Server
let etcd: EtcdServer | undefined

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-hostile-'))
  upstream = await startUpstream()
  if (etcdProgram !== undefined) etcd = await EtcdServer.start()
})
afterAll(async () => {
  await etcd?.dispose()
  await new Promise((resolve) => upstream.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

const processOf = (node: GatewayNode): string => /\(process (\d+)/.exec(node.sekisho.stderr)?.[1] ?? ''
const memoryMib = (node: GatewayNode): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${processOf(node)}/status`, 'utf8'))?.[1]) / 1024

/** What is wrong with how a document was refused; empty when it was as it should be. */
async function complaints(what: string, ask: () => Promise<AdminAnswer>): Promise<string[]> {
  const started = performance.now()
  const { status, body } = await ask()
  const took = performance.now() - started
  const message = (body as { error_msg?: unknown }).error_msg
  const found: string[] = []
  if (status < 400 || status >= 500) found.push(`${what}: answered with ${status}`)
  if (typeof message !== 'string' || message.length < 10) found.push(`${what}: no reason: ${String(message)}`)
  if (took > MAX_ANSWER_MS) found.push(`${what}: took ${took.toFixed(0)} ms`)
  const { length } = JSON.stringify(body)
  if (length > MAX_ANSWER_LENGTH) found.push(`${what}: the answer has ${length} characters`)
  return found
}

/** Sends bytes until it is answered, up to a limit. */
function pour(node: GatewayNode, path: string, most: number): Promise<{ status: number; sent: number }> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-api-key': 'the-key-of-this-test' }
    const asked = request(`${node.admin}/admin/${path}`, { method: 'PUT', headers, agent: false }, (response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0, sent })
      asked.destroy()
    })
    let sent = 0
    asked.on('error', (error: NodeJS.ErrnoException) => {
      // The answer may be lost when the connection is closed on what is still coming.
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve({ status: 400, sent })
      else reject(error)
    })
    const chunk = Buffer.alloc(65_536, '[')
    const next = (): void => {
      if (sent >= most || asked.destroyed) return void asked.end()
      sent += chunk.length
      asked.write(chunk, next)
    }
    next()
  })
}

/** What is no single document: paths, parts, whole configurations. */
const REQUESTS: readonly (readonly [what: string, method: string, path: string, body: string])[] = [
  ['2 MiB', 'PUT', 'routes/h', `{"uri":"/${'a'.repeat(2 * MIB)}"}`],
  ['an id of __proto__', 'PUT', 'routes/__proto__', '{"uri":"/hostile","upstream_id":"up","x":1}'],
  ['a kind of __proto__', 'PUT', '__proto__/polluted', '{"a":1}'],
  ['a kind of constructor', 'PUT', 'constructor/prototype', '{"a":1}'],
  ['__proto__ as a part', 'PATCH', 'routes/one/__proto__/polluted', '1'],
  ['constructor as a part', 'PATCH', 'routes/one/constructor/prototype', '{"polluted":1}'],
  ['__proto__ in a patch', 'PATCH', 'routes/one', '{"__proto__":{"polluted":1}}'],
  ['__proto__ in a transaction', 'POST', 'transaction', '{"__proto__":{"routes":[]},"routes":[]}'],
  ['__proto__ in a list', 'POST', 'transaction', '{"routes":[{"__proto__":{"id":"x"}}]}'],
  ['an unknown list', 'POST', 'transaction', '{"toString":[]}'],
  [
    'one wrong among many',
    'POST',
    'transaction',
    '{"upstreams":[{"id":"x","nodes":{"a:1":1}}],"routes":[{"uri":"x"}]}',
  ],
  ['settings of the node', 'POST', 'transaction', '{"workers":64,"routes":[]}'],
  ['10 MB of brackets', 'POST', 'transaction', '['.repeat(10 * MIB)],
  ['200,000 empty routes', 'POST', 'transaction', `{"routes":[${Array(200_000).fill('{}').join()}]}`],
  ['a rule for the time of another', 'PUT', 'routes/h?ttl=1e99', '{"uri":"/hostile","upstream_id":"up"}'],
  ['an id that leads elsewhere', 'PUT', 'routes/..%2F..%2Fetc', '{"uri":"/hostile","upstream_id":"up"}'],
  ['an expensive search', 'GET', `routes?name=${encodeURIComponent('^(.+)+$')}`, ''],
]

describe.each([
  ['embedded', true],
  ['etcd', etcdProgram !== undefined],
])('the Admin API on %s (etcd: skipped without the program)', (kind, there) => {
  it.skipIf(!there)('refuses each, with a reason, in bounded time and memory', { timeout: 300_000 }, async () => {
    const store = kind === 'etcd' ? `{ type: etcd, endpoints: ["${etcd!.url}"] }` : '{ type: embedded, path: ./data }'
    const node = await GatewayNode.start(join(folder, kind), store)
    try {
      await node.tell('POST', 'transaction', numbered(1, upstream))
      await eventually(
        () => seenBy(node, '/one').catch(String),
        (seen) => typeof seen !== 'string',
      )
      const before = await node.ask('GET', 'configs')
      const load = new PairLoad(node)
      const memory = memoryMib(node)
      const wrong: string[] = []
      for (const { what, key, text } of HOSTILE_DOCUMENTS)
        wrong.push(...(await complaints(what, () => node.ask('PUT', key, text))))
      for (const [what, method, path, body] of REQUESTS)
        wrong.push(...(await complaints(what, () => node.ask(method, path, body === '' ? undefined : body))))
      const { status, sent } = await pour(node, 'routes/h', 64 * MIB)
      if (status !== 400 || sent > 16 * MIB) wrong.push(`without end: ${status} after ${sent} bytes`)
      const growth = memoryMib(node) - memory
      if (growth > MAX_GROWTH_MIB) wrong.push(`${growth.toFixed(0)} MiB more memory`)
      expect(wrong).toEqual([])
      await load.stop()
      expect(load).toMatchObject({ failures: [], mixtures: [] })
      expect((await node.ask('GET', 'configs')).body).toEqual(before.body)
      await node.tell('POST', 'transaction', numbered(2, upstream))
    } finally {
      await node.stop()
    }
  })
})

describe.skipIf(etcdProgram === undefined)('what lies in etcd (skipped without the program etcd)', () => {
  /** As somebody who asks nobody. */
  const etcdctl = (key: string, text: string | Buffer): void => {
    execFileSync('etcdctl', [`--endpoints=${etcd!.url}`, 'put', '--', key], {
      env: { ...process.env, ETCDCTL_API: '3' },
      input: text,
      stdio: ['pipe', 'ignore', 'pipe'],
    })
  }

  /** What lies in a store without having passed by us, and is no mistake there: a key twice, an id in the key alone. */
  const FINE_IN_A_STORE = new Set(['a key twice'])

  it('is left out, and the rest goes on', { timeout: 300_000 }, async () => {
    const store = `{ type: etcd, endpoints: ["${etcd!.url}"], prefix: /foreign }`
    let node = await GatewayNode.start(join(folder, 'foreign'), store)
    try {
      await node.tell('POST', 'transaction', numbered(1, upstream))
      await eventually(
        () => seenBy(node, '/one').catch(String),
        (seen) => typeof seen !== 'string',
      )
      const load = new PairLoad(node)
      const memory = memoryMib(node)
      const wrong: string[] = []
      const hostile = HOSTILE_DOCUMENTS.filter(({ what, text }) => text !== '' && !FINE_IN_A_STORE.has(what))
      let number = 1
      for (const [at, { what, key, text }] of hostile.entries()) {
        const started = performance.now()
        etcdctl(`/foreign/${key.replace('/', `/${at}-`)}`, text)
        // The next change is in force, so this one has been dealt with.
        await node.tell('POST', 'transaction', numbered(++number, upstream))
        const took = performance.now() - started
        if (took > MAX_ANSWER_MS) wrong.push(`${what}: took ${took.toFixed(0)} ms`)
        const refused = await node.metric('sekisho_config_refused_documents')
        if (refused !== at + 1) wrong.push(`${what}: ${refused} refused, not ${at + 1}`)
        if (wrong.length > 5) break
      }
      expect(wrong).toEqual([])
      // Keys that are no keys of documents, and what is no text.
      for (const key of [
        '__proto__/x',
        'routes/__proto__',
        'routes/',
        'routes/a/b',
        'nonsense/x',
        '',
        'routes/a\nb',
        'toString/valueOf',
      ])
        etcdctl(`/foreign/${key}`, '{"uri":"/hostile","upstream_id":"up","nonsense":1}')
      etcdctl('/foreign/routes/bytes', Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d]))
      await node.tell('POST', 'transaction', numbered(++number, upstream))
      const seen = await eventually(
        () => seenBy(node, '/two'),
        ({ above }) => above === number,
      )
      expect(seen.below).toBe(number)
      expect(memoryMib(node) - memory).toBeLessThan(MAX_GROWTH_MIB)
      await load.stop()
      expect(load).toMatchObject({ failures: [], mixtures: [] })
      expect((await node.ask('GET', 'routes?page=1&page_size=10')).status).toBe(200)

      // A node that finds all of it at its start.
      await node.stop()
      const started = performance.now()
      node = await GatewayNode.start(join(folder, 'new'), store)
      expect(performance.now() - started).toBeLessThan(20_000)
      expect(await seenBy(node, '/one')).toEqual({ above: number, below: number })
      expect(await node.metric('sekisho_config_refused_documents')).toBeGreaterThanOrEqual(hostile.length)
      expect(node.sekisho.stderr).toContain('documents in the store are not valid and are left out')
    } finally {
      await node.stop()
    }
  })
})
