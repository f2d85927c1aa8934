import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeS3 } from '../../../../functions/src/packages/s3/testing/fake-s3.ts'
import { EtcdServer, etcdProgram } from '../../../../gateway/src/store/etcd/testing/etcd-server.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { eventually } from '../../testing/eventually.ts'
import { FunctionCalls } from '../../testing/function-calls.ts'
import { Sekisho } from '../../testing/sekisho.ts'

const FUNCTIONS = '/2015-03-31/functions'
const code = (version: string): string => `const { appendFileSync, existsSync } = require('node:fs')
let count = 0
exports.handler = async (event) => {
  if (event.file) appendFileSync(event.file, event.id + '\\n')
  if (event.hold && existsSync(event.hold)) await new Promise(() => setInterval(() => {}, 1e6))
  if (event.sleep) await new Promise((resolve) => setTimeout(resolve, event.sleep))
  return { version: '${version}', count: ++count }
}`

/** An engine of its own, as on another machine: nothing is shared but etcd and the bucket. */
class Node {
  readonly #folder: string
  #process!: Sekisho
  calls!: FunctionCalls

  constructor(folder: string, settings: object) {
    this.#folder = folder
    mkdirSync(folder)
    const functions = {
      address: '127.0.0.1:0',
      path: 'data',
      driver: 'process',
      cpu: 'unlimited',
      concurrency: 200,
      ...settings,
    }
    writeFileSync(join(folder, 'sekisho.json'), JSON.stringify({ metrics: false, functions }))
  }

  async start(): Promise<void> {
    this.#process = new Sekisho(['fn', 'engine'], { cwd: this.#folder })
    const [, address] = await this.#process.printed(/^functions on (http:\S+) /m)
    this.calls = new FunctionCalls(address!)
  }

  async kill(): Promise<void> {
    this.#process.child.kill('SIGKILL')
    await this.#process.exited
  }

  stop(): Promise<void> {
    return this.#process.stop()
  }

  /** What it said. */
  get log(): string {
    return this.#process.stderr
  }
}

describe.skipIf(etcdProgram === undefined)('two nodes (needs etcd)', () => {
  let etcd: EtcdServer
  let bucket: FakeS3
  let folder: string
  let a: Node
  let b: Node
  beforeAll(async () => {
    etcd = await EtcdServer.start()
    bucket = await FakeS3.start()
    folder = mkdtempSync(join(tmpdir(), 'sekisho-nodes-'))
    const { endpoint, region, credentials } = bucket.settings
    const settings = {
      store: { type: 'etcd', endpoints: [etcd.url] },
      packages: { type: 's3', bucket: bucket.bucket, prefix: 'packages/' },
      s3: {
        endpoint,
        region,
        access_key_id: credentials.accessKeyId,
        secret_access_key: credentials.secretAccessKey,
      },
    }
    a = new Node(join(folder, 'a'), settings)
    b = new Node(join(folder, 'b'), settings)
    await Promise.all([a.start(), b.start()])
  })
  afterAll(async () => {
    await Promise.all([a?.stop(), b?.stop()])
    await bucket?.close()
    await etcd?.dispose()
    rmSync(folder, { recursive: true, force: true })
  })
  afterEach(async () => {
    const { body } = await a.calls.call('GET', `${FUNCTIONS}/`)
    for (const { FunctionName } of body.Functions) await a.calls.call('DELETE', `${FUNCTIONS}/${FunctionName}`)
  })

  /** On the other node, as soon as it has heard of it: milliseconds. */
  const heard = (calls: FunctionCalls, name: string, version: string, event: object = {}) =>
    eventually(
      () => calls.invoke(name, event),
      ({ body }) => body?.version === version,
    )

  it('runs on one what was deployed on the other, with the package from the bucket', async () => {
    await a.calls.create('f', code('one'))
    bucket.requests.length = 0
    expect(await heard(b.calls, 'f', 'one')).toMatchObject({ status: 200, body: { count: 1 } })
    expect(bucket.requests.some((request) => request.startsWith('GET /code/packages/'))).toBe(true)
    expect((await a.calls.invoke('f')).body).toEqual({ version: 'one', count: 1 })
  })

  it('replaces the environments of every node when one is told of other code', async () => {
    await a.calls.create('f', code('one'))
    await heard(b.calls, 'f', 'one')
    expect((await b.calls.invoke('f')).body).toEqual({ version: 'one', count: 2 })
    await a.calls.updateCode('f', code('two'))
    expect((await heard(b.calls, 'f', 'two')).body).toEqual({ version: 'two', count: 1 })
    await b.calls.call('PUT', `${FUNCTIONS}/f/configuration`, { Environment: { Variables: { MODE: 'b' } } })
    await eventually(
      () => a.calls.call('GET', `${FUNCTIONS}/f/configuration`),
      ({ body }) => body.Environment?.Variables?.MODE === 'b',
    )
    expect((await a.calls.invoke('f')).body).toEqual({ version: 'two', count: 1 })
  })

  it('has the same versions and aliases, weights included', async () => {
    await a.calls.create('f', code('one'))
    const first = await a.calls.call('POST', `${FUNCTIONS}/f/versions`, {})
    const second = await a.calls.updateCode('f', code('two'), { Publish: true })
    expect([first.body.Version, second.body.Version]).toEqual(['1', '2'])
    await a.calls.call('POST', `${FUNCTIONS}/f/aliases`, {
      Name: 'live',
      FunctionVersion: '1',
      RoutingConfig: { AdditionalVersionWeights: { 2: 0.5 } },
    })
    await heard(b.calls, 'f:live', 'two')
    const versions = new Map<string, number>()
    for (let round = 0; round < 60; round++) {
      const { body, headers } = await b.calls.invoke('f:live')
      expect(headers.get('x-amz-executed-version')).toBe(body.version === 'one' ? '1' : '2')
      versions.set(body.version, (versions.get(body.version) ?? 0) + 1)
    }
    // One in 2^59 that one of them is missing.
    expect([...versions.keys()].sort()).toEqual(['one', 'two'])
    await b.calls.call('PUT', `${FUNCTIONS}/f/aliases/live`, {
      FunctionVersion: '2',
      RoutingConfig: { AdditionalVersionWeights: {} },
    })
    await eventually(
      () => a.calls.call('GET', `${FUNCTIONS}/f/aliases/live`),
      ({ body }) => body.FunctionVersion === '2',
    )
    for (let round = 0; round < 20; round++) expect((await a.calls.invoke('f:live')).body.version).toBe('two')
  })

  it('loses no change that both make to the same function, and forgets it on both', async () => {
    await a.calls.create('f', code('one'))
    await heard(b.calls, 'f', 'one')
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        [a, b][at % 2]!.calls.call('POST', `${FUNCTIONS}/f/policy`, {
          StatementId: `s${at}`,
          Action: 'lambda:InvokeFunction',
          Principal: '*',
        }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201))
    await eventually(
      () => b.calls.call('GET', `${FUNCTIONS}/f/policy`),
      ({ body }) => JSON.parse(body.Policy).Statement.length === 20,
    )
    expect((await b.calls.call('DELETE', `${FUNCTIONS}/f`)).status).toBe(204)
    await eventually(
      () => a.calls.invoke('f'),
      ({ status }) => status === 404,
    )
    expect((await b.calls.invoke('f')).status).toBe(404)
  })

  it('counts reserved concurrency on each node', async () => {
    await a.calls.create('f', code('one'))
    await a.calls.call('PUT', '/2017-10-31/functions/f/concurrency', { ReservedConcurrentExecutions: 1 })
    await heard(b.calls, 'f', 'one')
    const [onA, onB] = [a.calls.invoke('f', { sleep: 1_500 }), b.calls.invoke('f', { sleep: 1_500 })]
    const refused = await eventually(
      () => b.calls.invoke('f'),
      ({ status }) => status === 429,
    )
    expect(refused.body.Reason).toBe('ReservedFunctionConcurrentInvocationLimitExceeded')
    expect((await Promise.all([onA, onB])).map(({ status }) => status)).toEqual([200, 200])
  })

  it('goes on without etcd: calls are answered, changes refused with the reason, and a node starts with what it last saw', async () => {
    await a.calls.create('f', code('one'))
    await heard(b.calls, 'f', 'one')
    await etcd.kill()
    try {
      expect((await a.calls.invoke('f')).status).toBe(200)
      const since = performance.now()
      const refused = await b.calls.call('PUT', '/2017-10-31/functions/f/concurrency', {
        ReservedConcurrentExecutions: 5,
      })
      expect(performance.now() - since).toBeLessThan(12_000)
      expect(refused).toMatchObject({ status: 503, body: { Message: expect.stringContaining('etcd (127.0.0.1:') } })
      expect(refused.headers.get('x-amzn-errortype')).toBe('ServiceException')
      await b.kill()
      await b.start()
      expect(b.log).toContain('etcd is away')
      expect((await b.calls.invoke('f')).body).toEqual({ version: 'one', count: 1 })
    } finally {
      await etcd.start()
    }
    await eventually(
      () => a.calls.updateCode('f', code('two')),
      ({ status }) => status === 200,
    )
    await heard(b.calls, 'f', 'two')
  }, 60_000)

  it('runs an event on the node that took it in, and on another one when that is dead', async () => {
    const [file, hold] = [join(folder, 'ran'), join(folder, 'hold')]
    const ran = async (): Promise<string[]> =>
      existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').sort() : []
    // Refused as long as a node whose etcd was away has not begun.
    const send = ({ calls }: Node, id: string, more: object = {}) =>
      eventually(
        () => calls.invoke('f', { file, id, ...more }, { 'x-amz-invocation-type': 'Event' }),
        ({ status }) => status === 202,
      )
    await a.calls.create('f', code('one'))
    await heard(b.calls, 'f', 'one')
    for (let at = 0; at < 10; at++) await send([a, b][at % 2]!, `once-${at}`)
    await eventually(ran, ({ length }) => length >= 10)

    rmSync(file)
    writeFileSync(hold, '')
    for (const id of ['1', '2', '3']) await send(a, id, { hold })
    await eventually(ran, ({ length }) => length === 3)
    rmSync(hold)
    await a.kill()
    // A node that is silent is given up after 35 s, and looked for every 10 s.
    await vi.waitFor(async () => expect(await ran()).toEqual(['1', '1', '2', '2', '3', '3']), {
      timeout: 70_000,
      interval: 500,
    })
    await a.start()
    expect((await a.calls.invoke('f')).status).toBe(200)
    expect(await ran()).toHaveLength(6)
  }, 120_000)
})
