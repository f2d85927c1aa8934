import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { adminTester } from '../admin/testing/admin-tester.ts'
import { PluginRegistry } from '../plugins/plugin-registry.ts'
import { MemoryBackend } from '../store/backend/testing/memory-backend.ts'
import type { StoreBackend } from '../store/backend/backend.ts'
import { testDocumentStore } from '../store/documents/testing/test-document-store.ts'
import { openEtcd } from '../store/etcd/index.ts'
import { EtcdServer, etcdProgram } from '../store/etcd/testing/etcd-server.ts'
import { splitConsumer } from './separate-credentials.ts'
import { StoreControlPlane } from './store-control-plane.ts'

const plugins = new PluginRegistry()
beforeAll(() => plugins.loadAll())

async function nodeOf(backend: StoreBackend) {
  const errors: string[] = []
  const store = testDocumentStore(backend, {
    plugins,
    logger: { error: (_fields, text) => errors.push(text), warn: () => undefined, info: () => undefined },
  })
  onTestFinished(() => store.close())
  await store.load()
  const control = new StoreControlPlane(store, backend)
  const { ask } = await adminTester({ control })
  /** Keys of the consumer in force, by credential; `own` is its own. */
  const keys = async (username = 'jack'): Promise<Record<string, string> | undefined> => {
    const consumer = (await store.load()).resources.consumers.get(username)
    if (consumer === undefined) return undefined
    const keyOf = (part: { plugins?: unknown }): string =>
      (part.plugins as { 'key-auth'?: { key: string } } | undefined)?.['key-auth']?.key ?? ''
    return {
      own: keyOf(consumer),
      ...Object.fromEntries(
        Object.entries((consumer.credentials ?? {}) as Record<string, { plugins?: unknown }>).map(([id, one]) => [
          id,
          keyOf(one),
        ]),
      ),
    }
  }
  return { store, control, errors, ask, keys }
}

const auth = (key: string) => ({ plugins: { 'key-auth': { key } } })

test('a consumer is split into what is a document of its own and what is not', () => {
  const separate = new Map<string, Record<string, unknown>>([
    ['phone', { id: 'phone', ...auth('one') }],
    ['old', auth('gone')],
  ])
  const value = { username: 'jack', credentials: { phone: auth('one'), desk: auth('two'), pad: auth('three') } }
  expect(splitConsumer(value, separate, new Set(['desk']), true)).toEqual({
    consumer: { username: 'jack', credentials: { desk: auth('two') } },
    credentials: new Map<string, unknown>([
      ['pad', { id: 'pad', ...auth('three') }],
      ['old', undefined],
    ]),
  })
  expect(splitConsumer({ username: 'jack' }, new Map(), new Set(), true)).toEqual({
    consumer: { username: 'jack' },
    credentials: new Map(),
  })
  expect(splitConsumer({ username: 'jack', credentials: { a: auth('a') } }, new Map(), new Set(), false)).toEqual({
    consumer: { username: 'jack', credentials: { a: auth('a') } },
    credentials: new Map(),
  })
})

describe('credentials that somebody writes as documents of their own', () => {
  const put = (key: string, value: object | string) => ({
    key: key as 'consumers/jack',
    value: typeof value === 'string' ? value : JSON.stringify(value),
  })

  test('belong to the consumer, whichever comes first', async () => {
    const backend = new MemoryBackend()
    backend.put([put('consumers/jack/credentials/phone', { id: 'phone', create_time: 1, ...auth('one') })])
    const { store, keys, errors } = await nodeOf(backend)
    expect(await keys()).toBeUndefined()
    backend.put([put('consumers/jack', { username: 'jack', ...auth('mine') })])
    await store.reached(2)
    expect(await keys()).toEqual({ own: 'mine', phone: 'one' })
    expect(errors).toEqual([])
  })

  test('one that is not valid is left out alone, or stays what it was', async () => {
    const backend = new MemoryBackend()
    backend.put([put('consumers/jill', { username: 'jill', ...auth('taken') })])
    backend.put([
      put('consumers/jack', { username: 'jack' }),
      put('consumers/jack/credentials/good', auth('one')),
      put('consumers/jack/credentials/bad', { plugins: { 'limit-count': { count: 1, time_window: 1 } } }),
      put('consumers/jack/credentials/text', '{'),
      put('consumers/jack/credentials/twice', auth('taken')),
    ])
    const { store, keys, errors } = await nodeOf(backend)
    expect(await keys()).toEqual({ own: '', good: 'one' })
    expect(store.refused).toBe(3)
    expect(errors[0]).toMatch(/jack\/credentials\/bad\/plugins\/limit-count .*only supports auth type/)
    backend.put([put('consumers/jack/credentials/good', { plugins: {} })])
    await store.reached(3)
    expect(await keys()).toEqual({ own: '', good: 'one' })
    expect(store.refused).toBe(4)
    // Free now: what waited for it comes into force.
    backend.put([put('consumers/jill', { username: 'jill', ...auth('other') })])
    await store.reached(4)
    expect(await keys()).toEqual({ own: '', good: 'one', twice: 'taken' })
    backend.put([put('consumers/jack/credentials/good', auth('two'))])
    await store.reached(5)
    expect(await keys()).toEqual({ own: '', good: 'two', twice: 'taken' })
  })
})

describe.skipIf(etcdProgram === undefined)('an etcd that APISIX writes, too (needs etcd)', () => {
  let etcd: EtcdServer
  beforeAll(async () => {
    etcd = await EtcdServer.start()
  })
  afterAll(() => etcd.dispose())

  const etcdctl = async (...args: string[]): Promise<string> => {
    const options = { env: { ...process.env, ETCDCTL_API: '3' } }
    return (await promisify(execFile)('etcdctl', [`--endpoints=${etcd.url}`, ...args], options)).stdout.trim()
  }

  test('credentials below a consumer are in force, live, and the Admin API writes them where they are', async () => {
    const backend = await openEtcd({ endpoints: [etcd.url], prefix: '/apisix', onProblem: () => undefined } as never)
    const { store, ask, keys, control } = await nodeOf(backend)
    const changed = () =>
      new Promise<void>((resolve) => {
        const end = store.onDocuments(() => {
          end()
          resolve()
        })
      })
    const write = async (...args: string[]) => {
      const done = changed()
      await etcdctl(...args)
      await done
    }
    const at = '/apisix/consumers/jack'
    await write('put', at, JSON.stringify({ username: 'jack', create_time: 1, update_time: 1 }))
    await write(
      'put',
      `${at}/credentials/phone`,
      JSON.stringify({ id: 'phone', create_time: 1, update_time: 1, ...auth('one') }),
    )
    expect(await keys()).toEqual({ own: '', phone: 'one' })
    await write('put', `${at}/credentials/phone`, JSON.stringify({ id: 'phone', ...auth('two') }))
    expect(await keys()).toEqual({ own: '', phone: 'two' })
    expect(control.list('consumers').map(({ id }) => id)).toEqual(['jack'])
    expect((await ask('GET', '/consumers/jack/credentials')).body).toMatchObject({
      total: 1,
      list: [{ key: '/apisix/consumers/jack/credentials/phone', value: { id: 'phone', ...auth('***') } }],
    })

    const before = await etcdctl('get', at, '--print-value-only')
    expect((await ask('PUT', '/consumers/jack/credentials/phone', auth('three'))).status).toBe(200)
    expect((await ask('PUT', '/consumers/jack/credentials/desk', auth('four'))).status).toBe(201)
    expect(await keys()).toEqual({ own: '', phone: 'three', desk: 'four' })
    expect(JSON.parse(await etcdctl('get', `${at}/credentials/phone`, '--print-value-only'))).toMatchObject({
      id: 'phone',
      ...auth('three'),
    })
    expect(JSON.parse(await etcdctl('get', `${at}/credentials/desk`, '--print-value-only'))).toMatchObject({
      id: 'desk',
      ...auth('four'),
    })
    expect(await etcdctl('get', at, '--print-value-only')).toBe(before)
    expect((await ask('PUT', '/consumers/jack', { desc: 'new' })).status).toBe(200)
    expect(JSON.parse(await etcdctl('get', at, '--print-value-only'))).not.toHaveProperty('credentials')
    expect(await keys()).toEqual({ own: '', phone: 'three', desk: 'four' })

    // What is exported and applied again is no change.
    const { revision } = control
    const all = (await ask('GET', '/configs?secrets=true')).body
    expect((await ask('POST', '/transaction?replace=true', all)).body).toMatchObject({ changes: [] })

    expect((await ask('DELETE', '/consumers/jack/credentials/desk')).status).toBe(200)
    expect(await etcdctl('get', `${at}/credentials/desk`)).toBe('')
    expect((await ask('POST', '/rollback', { revision })).status).toBe(200)
    expect(await keys()).toEqual({ own: '', phone: 'three', desk: 'four' })
    expect(JSON.parse(await etcdctl('get', `${at}/credentials/desk`, '--print-value-only'))).toMatchObject(auth('four'))

    await write('del', `${at}/credentials/phone`)
    expect(await keys()).toEqual({ own: '', desk: 'four' })
    expect((await ask('DELETE', '/consumers/jack')).status).toBe(200)
    expect(await etcdctl('get', '--prefix', at, '--keys-only')).toBe('')
    expect(await keys()).toBeUndefined()
  })
})
