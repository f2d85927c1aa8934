import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contentOf, revisionOf } from '../backend/testing/backend-contract.ts'
import { EtcdServer, etcdProgram } from './testing/etcd-server.ts'
import { JsonGateway } from './testing/json-gateway.ts'
import { NetworkLink } from './testing/network-link.ts'
import { AUTHOR, follow, newPrefix, open, put, routes } from './testing/open-stores.ts'

describe.skipIf(etcdProgram === undefined)('commits of many documents (needs etcd)', () => {
  let server: EtcdServer
  let gateway: JsonGateway

  beforeAll(async () => {
    server = await EtcdServer.start()
    gateway = new JsonGateway(server.url)
  })
  afterAll(() => server.dispose())

  test('1,000 documents are one revision of etcd and one change', async () => {
    const prefix = newPrefix()
    const writer = await open({ endpoints: [server.url], prefix })
    const recorder = await follow(await open({ endpoints: [server.url], prefix }))
    const before = await gateway.revision()
    const revision = revisionOf(await writer.commit(routes(1_000), [], AUTHOR))
    await recorder.reached(revision)
    expect(recorder.changes).toHaveLength(1)
    expect(new Set([...recorder.documents.values()].map((document) => document.revision))).toEqual(new Set([revision]))
    // The lock, the change, the lock again; documents and their history are one.
    expect((await gateway.revision()) - before).toBe(3)
    const [entry] = await writer.history({ limit: 1 })
    expect(entry).toMatchObject({ revision, author: AUTHOR })
    expect(entry?.changes).toHaveLength(1_000)
  })

  test('50,000 documents: loaded in a second, and delivered as one change', async () => {
    const prefix = newPrefix()
    const writer = await open({ endpoints: [server.url], prefix })
    const reader = await open({ endpoints: [server.url], prefix })
    const recorder = await follow(reader)
    const revision = revisionOf(await writer.commit(routes(50_000), [], AUTHOR))
    await recorder.reached(revision)
    expect(recorder.changes).toHaveLength(1)
    expect(recorder.changes[0]?.events).toHaveLength(50_000)

    const started = performance.now()
    const { documents } = await reader.snapshot()
    const milliseconds = performance.now() - started
    expect(documents).toEqual(recorder.documents)
    // 0.8 s when it was written, on two cores shared with etcd and others.
    expect(milliseconds).toBeLessThan(8_000)
    const [entry] = await writer.history({ limit: 1 })
    expect(entry?.changes).toHaveLength(50_000)
    expect(await gateway.keys(`${prefix}_lock`)).toEqual([])
    expect(await gateway.get(`${prefix}/_commit`)).toBeUndefined()
  }, 60_000)

  test('what takes several transactions is never seen in part', async () => {
    const prefix = newPrefix()
    const writer = await open({ endpoints: [server.url], prefix })
    const reader = await open({ endpoints: [server.url], prefix })
    await writer.commit(routes(10_000), [], AUTHOR)
    const recorder = await follow(reader)
    const states = new Map<string, number>()
    const result: { revision?: number } = {}
    const look = (async () => {
      do {
        const { documents } = await reader.snapshot()
        const values = new Set([...documents.values()].map(({ value }) => value.includes('again')))
        const state = [...values].join()
        states.set(state, (states.get(state) ?? 0) + 1)
      } while (result.revision === undefined)
    })()
    result.revision = revisionOf(await writer.commit(routes(10_000, ' again'), [], AUTHOR))
    await recorder.reached(result.revision)
    await look
    expect([...states.keys()].filter((state) => state !== 'true' && state !== 'false')).toEqual([])
    expect(recorder.changes).toHaveLength(1)
    expect(recorder.documents).toEqual((await reader.snapshot()).documents)
  })

  test('a condition that does not hold: nothing is written', async () => {
    const prefix = newPrefix()
    const writer = await open({ endpoints: [server.url], prefix })
    const first = await put(writer, 'routes/1', '{}')
    await put(writer, 'routes/1', '{"a":1}')
    const many = routes(10_000)
    expect(await writer.commit(many, [{ key: 'routes/1', revision: first }], AUTHOR)).toEqual({ conflict: 'routes/1' })
    expect(contentOf(await writer.snapshot())).toEqual({ 'routes/1': '{"a":1}' })
    expect(await gateway.keys(`${prefix}_lock`)).toEqual([])
  })

  test('the node dies in the middle: others see the state before until one of them completes it', async () => {
    const prefix = newPrefix()
    const link = await NetworkLink.to(server.port)
    const near = await open({ endpoints: [server.url], prefix })
    const dying = await open({ endpoints: [link.url], prefix, requestTimeoutMs: 300 })
    await put(near, 'routes/7', '{"before":true}')
    const recorder = await follow(near)
    link.cutAfter('"parts":')
    await expect(dying.commit(routes(10_000), [], AUTHOR)).rejects.toThrow('completed later')
    await link.close()
    expect(await gateway.get(`${prefix}/_commit`)).toContain('parts')
    expect(contentOf(await near.snapshot())).toEqual({ 'routes/7': '{"before":true}' })
    expect(recorder.changes).toEqual([])
    // The lock has run out.
    await gateway.delete(`${prefix}_lock`)
    const last = await put(near, 'routes/after', '{}')
    await recorder.reached(last)
    expect(recorder.changes.map(({ events }) => events.length)).toEqual([10_000, 1])
    expect((await near.snapshot()).documents.size).toBe(10_001)
    expect((await near.history({ limit: 2 })).map(({ changes }) => changes.length)).toEqual([1, 10_000])
  })

  test('two at once come one after the other', async () => {
    const prefix = newPrefix()
    const one = await open({ endpoints: [server.url], prefix })
    const other = await open({ endpoints: [server.url], prefix })
    const recorder = await follow(one)
    const results = await Promise.all([
      one.commit(routes(5_000, ' of one'), [], AUTHOR),
      other.commit(routes(5_000, ' of the other'), [], AUTHOR),
      other.commit([{ key: 'upstreams/1', value: '{}' }], [], AUTHOR),
    ])
    await recorder.reached(Math.max(...results.map(revisionOf)))
    expect(recorder.changes.map(({ events }) => events.length).toSorted((a, b) => a - b)).toEqual([1, 5_000, 5_000])
    expect(Object.fromEntries(recorder.documents)).toEqual(Object.fromEntries((await other.snapshot()).documents))
  })

  test('what is larger than etcd takes is refused with what to do', async () => {
    const writer = await open({ endpoints: [server.url] })
    const value = JSON.stringify('x'.repeat(1.5 * 1024 * 1024 - 10))
    await expect(writer.commit([{ key: 'routes/1', value }], [], AUTHOR)).rejects.toThrow('--max-request-bytes')
  })

  test('a document of 1.4 MiB is written, changed and told', async () => {
    const writer = await open({ endpoints: [server.url] })
    const recorder = await follow(writer)
    const noise = (start: number): string => JSON.stringify(String.fromCharCode(start).repeat(1.4 * 1024 * 1024))
    await put(writer, 'protos/1', noise(97))
    await recorder.reached(await put(writer, 'protos/1', noise(98)))
    expect(recorder.documents.get('protos/1')?.value).toBe(noise(98))
    const [entry] = await writer.history({ limit: 1 })
    expect(entry?.changes[0]).toEqual({ key: 'protos/1', before: noise(97), after: noise(98) })
  })
})
