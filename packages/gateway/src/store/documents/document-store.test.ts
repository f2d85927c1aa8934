import { mkdtempSync, rmSync, statSync, appendFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { testPlugins } from '../../config/testing/plugins.ts'
import type { DocumentKey } from '../backend/backend.ts'
import { MemoryBackend } from '../backend/testing/memory-backend.ts'
import type { Change } from '../store.ts'
import { DocumentCodec } from './document-codec.ts'
import type { DocumentStoreOptions } from './document-store.ts'
import { KeyRing } from './key-ring.ts'
import { LastGoodFile } from './last-good-file.ts'
import { testDocumentStore } from './testing/test-document-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-documents-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Log {
  readonly errors: string[]
  readonly warnings: string[]
}

function storeOf(backend: MemoryBackend, more: Partial<DocumentStoreOptions> = {}) {
  const log: Log = { errors: [], warnings: [] }
  const changes: Change[] = []
  const store = testDocumentStore(backend, {
    references: { environment: { KEY: 'from-environment' }, files: { folder, within: [folder] } },
    logger: {
      error: (_fields, text) => log.errors.push(text),
      warn: (_fields, text) => log.warnings.push(text),
      info: () => undefined,
    },
    ...more,
  })
  store.watch((change) => changes.push(change))
  return { store, log, changes }
}

const put = (key: DocumentKey, value: object | string) => ({
  key,
  value: typeof value === 'string' ? value : JSON.stringify(value),
})
const gone = (key: DocumentKey) => ({ key, value: undefined })
const upstream = { nodes: { 'a:80': 1 } }
const routeTo = (id: string) => ({ uri: `/${id}`, upstream_id: id })

describe('documents', () => {
  test('become resources, with what they refer to and without times', async () => {
    const backend = new MemoryBackend()
    backend.put([
      put('routes/a', { ...routeTo('u'), create_time: 1, update_time: 2 }),
      put('upstreams/u', upstream),
      put('consumers/jack', { username: 'jack', plugins: { 'key-auth': { key: '$env://KEY' } } }),
    ])
    const { store } = storeOf(backend)
    const { revision, resources } = await store.load()
    expect(revision).toBe(1)
    expect(resources.routes.get('a')).toEqual({ id: 'a', ...routeTo('u') })
    expect(resources.consumers.get('jack')).toMatchObject({ plugins: { 'key-auth': { key: 'from-environment' } } })
    expect(store.revision).toBe(1)
  })

  test('of one commit are one change, in the order in which references hold', async () => {
    const backend = new MemoryBackend()
    const { store, changes } = storeOf(backend)
    await store.load()
    backend.put([put('routes/a', routeTo('u')), put('upstreams/u', upstream)])
    backend.put([gone('upstreams/u'), gone('routes/a')])
    await store.reached(2)
    expect(
      changes.map(({ revision, from, operations }) => [from, revision, ...operations.map((one) => one.kind)]),
    ).toEqual([
      [1, 2, 'upstreams', 'routes'],
      [2, 3, 'routes', 'upstreams'],
    ])
  })

  test('that say the same again are no change for the workers', async () => {
    const backend = new MemoryBackend()
    const { store, changes } = storeOf(backend)
    await store.load()
    backend.put([put('upstreams/u', { ...upstream, update_time: 1 })])
    backend.put([put('upstreams/u', { update_time: 2, ...upstream })])
    await store.reached(2)
    expect(changes).toHaveLength(1)
    expect(store.revision).toBe(2)
  })

  test('that are not valid are left out, alone, and their last good value stays', async () => {
    const backend = new MemoryBackend()
    const { store, log, changes } = storeOf(backend)
    await store.load()
    backend.put([
      put('routes/a', { uri: '/a', upstream }),
      put('routes/b', { uri: 'b', upstream }),
      put('routes/c', '{'),
    ])
    await store.reached(1)
    expect(changes[0]?.operations.map(({ id }) => id)).toEqual(['a'])
    expect(log.errors[0]).toContain('/routes/b/uri  "b": must start with "/"')
    expect(log.errors[0]).toContain('/routes/c  is no JSON')
    expect(store.refused).toBe(2)
    backend.put([put('routes/a', { uri: 'a', upstream })])
    await store.reached(2)
    expect(changes).toHaveLength(1)
    expect(store.refused).toBe(3)
    expect((await store.load()).resources.routes.get('a')).toMatchObject({ uri: '/a' })
    backend.put([put('routes/a', { uri: '/new', upstream })])
    await store.reached(3)
    expect(changes[1]?.operations).toMatchObject([{ id: 'a', value: { uri: '/new' } }])
    expect(store.refused).toBe(2)
  })

  test('may refer to what is not there: their requests are answered so', async () => {
    const backend = new MemoryBackend()
    backend.put([put('routes/a', routeTo('u'))])
    const { store, changes } = storeOf(backend)
    expect((await store.load()).resources.routes.size).toBe(1)
    backend.put([put('upstreams/u', upstream)])
    backend.put([gone('upstreams/u')])
    await store.reached(3)
    expect(changes).toHaveLength(2)
    expect(store.refused).toBe(0)
  })

  test('are looked at again when what they wait for changes', async () => {
    const backend = new MemoryBackend()
    const { store, changes } = storeOf(backend)
    await store.load()
    const consumer = (username: string) =>
      put(`consumers/${username}`, { username, plugins: { 'key-auth': { key: 'one' } } })
    backend.put([consumer('jack')])
    backend.put([consumer('rose')])
    await store.reached(2)
    expect(store.refused).toBe(1)
    expect(store.findingsOf('consumers/rose')).toMatchObject([
      { message: 'consumer "jack" has the same key for key-auth' },
    ])
    backend.put([gone('consumers/jack')])
    await store.reached(3)
    expect(store.refused).toBe(0)
    expect(changes[1]?.operations.map(({ id, value }) => [id, value !== undefined])).toEqual([
      ['rose', true],
      ['jack', false],
    ])
  })

  test('of two at the start that claim the same, the one that was written first has it', async () => {
    const backend = new MemoryBackend()
    const consumer = (username: string) =>
      put(`consumers/${username}`, { username, plugins: { 'key-auth': { key: 'one' } } })
    backend.put([consumer('rose')])
    backend.put([consumer('jack')])
    const { store } = storeOf(backend)
    expect([...(await store.load()).resources.consumers.keys()]).toEqual(['rose'])
  })

  test('that name a file follow it', async () => {
    const file = join(folder, 'key.txt')
    writeFileSync(file, 'first\n')
    const backend = new MemoryBackend()
    const jack = { username: 'jack', plugins: { 'key-auth': { key: '$file://key.txt' } } }
    backend.put([
      put('consumers/jack', jack),
      put('consumers/rose', { username: 'rose', plugins: { 'key-auth': { key: '$file://none.txt' } } }),
    ])
    const { store, changes } = storeOf(backend)
    expect((await store.load()).resources.consumers.get('jack')).toMatchObject({
      plugins: { 'key-auth': { key: 'first' } },
    })
    expect(store.files()).toEqual([file, join(folder, 'none.txt')])
    writeFileSync(file, 'second\n')
    writeFileSync(join(folder, 'none.txt'), 'third')
    await store.recheck()
    expect(changes[0]?.operations).toMatchObject([
      { id: 'jack', value: { plugins: { 'key-auth': { key: 'second' } } } },
      { id: 'rose', value: { plugins: { 'key-auth': { key: 'third' } } } },
    ])
    await store.recheck()
    expect(changes).toHaveLength(1)
  })

  test('after a backup was restored are those of the backup, in one change', async () => {
    const backend = new MemoryBackend()
    backend.put([put('routes/a', { uri: '/a', upstream })])
    const { store, changes } = storeOf(backend)
    await store.load()
    backend.put([put('routes/a', { uri: '/b', upstream })])
    backend.put([put('routes/c', { uri: '/c', upstream })])
    await store.reached(3)
    backend.restore(1)
    await store.recheck()
    expect(store.revision).toBe(1)
    // Workers count on: what is older by the store's count is newer by theirs.
    expect(changes.at(-1)).toMatchObject({
      revision: 4,
      operations: [
        { id: 'a', value: { uri: '/a' } },
        { id: 'c', value: undefined },
      ],
    })
  })

  test('that somebody made to harm are refused in words', async () => {
    const backend = new MemoryBackend()
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    backend.put([
      put('routes/a', `{"uri":"/a","vars":${deep}}`),
      put('routes/b', '{"uri":"/b","upstream":"http://a","__proto__":{"x":1}}'),
      put('routes/c', `{"uri":"/c","desc":"${'x'.repeat(1_600_000)}"}`),
      put('routes/d', '[]'),
      put('routes/e', { id: 'f', uri: '/e', upstream }),
    ])
    const { store } = storeOf(backend)
    await store.load()
    expect(store.findingsOf('routes/a')?.[0]?.message).toBe('has more than 64 objects and lists within each other')
    expect(store.findingsOf('routes/b')?.[0]?.message).toBe('has a key "__proto__"')
    expect(store.findingsOf('routes/c')?.[0]?.message).toMatch(
      /^has 16\d+ characters, and a document has at most 1572864 bytes$/,
    )
    expect(store.findingsOf('routes/d')?.[0]?.message).toBe('must be an object')
    expect(store.findingsOf('routes/e')?.[0]?.path).toBe('/routes/e/id')
  })
})

describe('the last good configuration', () => {
  const file = (name: string, errors: string[] = []) =>
    new LastGoodFile(join(folder, name), (error) => errors.push(error.message))

  test('starts a node while its store is away; it catches up later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const backend = new MemoryBackend()
      backend.put([put('routes/a', { uri: '/a', upstream })])
      const first = storeOf(backend, { lastGood: file('one') })
      await first.store.load()
      backend.put([put('routes/b', { uri: '/b', upstream })])
      await first.store.reached(2)
      await first.store.close()
      expect(statSync(join(folder, 'one')).mode & 0o777).toBe(0o600)

      backend.failure = new Error('connection refused')
      const connected: boolean[] = []
      const { store, log, changes } = storeOf(backend, {
        lastGood: file('one'),
        onState: (state) => connected.push(state),
      })
      expect([...(await store.load()).resources.routes.keys()]).toEqual(['a', 'b'])
      expect(log.warnings[0]).toContain(
        'the store cannot be reached, what is in force stays: connection refused; the node starts with the last good',
      )
      expect(connected).toEqual([false])
      backend.put([put('routes/a', { uri: '/new', upstream }), gone('routes/b')])
      await vi.advanceTimersByTimeAsync(1_000)
      expect(store.revision).toBe(2)
      backend.failure = undefined
      await vi.advanceTimersByTimeAsync(1_000)
      await store.reached(3)
      expect(connected.at(-1)).toBe(true)
      expect(changes).toMatchObject([
        {
          operations: [
            { id: 'a', value: { uri: '/new' } },
            { id: 'b', value: undefined },
          ],
        },
      ])
      await store.close()
    } finally {
      vi.useRealTimers()
    }
  })

  test('gives what was valid to a document that no longer is', async () => {
    const backend = new MemoryBackend()
    backend.put([put('routes/a', { uri: '/a', upstream })])
    const first = storeOf(backend, { lastGood: file('two') })
    await first.store.load()
    await first.store.close()
    backend.put([put('routes/a', { uri: 'wrong', upstream })])
    const { store } = storeOf(backend, { lastGood: file('two') })
    expect((await store.load()).resources.routes.get('a')).toMatchObject({ uri: '/a' })
    expect(store.refused).toBe(1)
    await store.close()
  })

  test('without one, a node whose store cannot be reached says so and does not start', async () => {
    const backend = new MemoryBackend()
    backend.failure = new Error('connection refused')
    const { store } = storeOf(backend, { lastGood: file('none') })
    await expect(store.load()).rejects.toThrow(
      `the store cannot be reached: connection refused, and there is no last good configuration at ${join(folder, 'none')} to start with`,
    )
  })

  test('counts up to the last commit that was written whole', async () => {
    const path = join(folder, 'torn')
    const documents = new Map([['routes/a', { key: 'routes/a', value: '{}', createRevision: 1, revision: 1 }]]) as never
    const writer = file('torn')
    writer.start(() => ({ revision: 1, documents }))
    await writer.close()
    appendFileSync(path, '["routes/b",2,2,"{}"]\n')
    expect([...(await file('torn').read())!.documents.keys()]).toEqual(['routes/a'])
    appendFileSync(path, '{"revision":2}\n["routes/a"]\n{"revi')
    expect(await file('torn').read()).toMatchObject({ revision: 2 })
    expect([...(await file('torn').read())!.documents.keys()]).toEqual(['routes/a', 'routes/b'])
    writeFileSync(path, 'something else')
    expect(await file('torn').read()).toBeUndefined()
  })

  test('that cannot be written is said, and nothing else happens', async () => {
    const errors: string[] = []
    const writer = new LastGoodFile(join(folder, 'one', 'below a file'), (error) => errors.push(error.message))
    writer.start(() => ({ revision: 1, documents: new Map() }))
    await writer.close()
    expect(errors).toHaveLength(1)
  })
})

describe('secrets at rest', () => {
  const codec = (...keys: string[]) => new DocumentCodec(testPlugins, new KeyRing(keys))
  const jack = { username: 'jack', plugins: { 'key-auth': { key: 'open sesame' } } }

  test('are not to be read in the store, and in force all the same', async () => {
    const text = codec('old').encode('consumers', 'jack', jack)
    expect(text).not.toContain('sesame')
    const backend = new MemoryBackend()
    backend.put([put('consumers/jack', text)])
    const { store } = storeOf(backend, { codec: codec('new', 'old') })
    expect((await store.load()).resources.consumers.get('jack')).toMatchObject(jack)
  })

  test('are those of credentials too, which may be references', async () => {
    const credentials = {
      one: { plugins: { 'key-auth': { key: 'open sesame' } } },
      two: { plugins: { 'key-auth': { key: '$env://KEY' } } },
    }
    const text = codec('one').encode('consumers', 'rose', { username: 'rose', credentials })
    expect(text).not.toContain('sesame')
    expect(text).toContain('$env://KEY')
    const backend = new MemoryBackend()
    backend.put([put('consumers/rose', text)])
    const { store } = storeOf(backend, { codec: codec('one') })
    expect((await store.load()).resources.consumers.get('rose')).toMatchObject({
      credentials: { one: credentials.one, two: { plugins: { 'key-auth': { key: 'from-environment' } } } },
    })
  })

  test('are written with the first key', () => {
    const text = codec('new', 'old').encode('consumers', 'jack', jack)
    expect(codec('old').decode('consumers', 'jack', text)).toMatchObject({
      problem: {
        path: '/consumers/jack/plugins/key-auth/key',
        message: 'is encrypted with a key that is not in "data_encryption"',
      },
    })
    expect(codec('new').decode('consumers', 'jack', text)).toEqual({ value: jack })
  })

  test('cannot be taken to another document', () => {
    const text = codec('one').encode('consumers', 'jack', jack)
    expect(codec('one').decode('consumers', 'rose', text)).toHaveProperty('problem')
  })

  test("are certificates' keys too; references stay", () => {
    const ssl = { sni: 'a.test', cert: 'c', key: 'k', keys: ['l', '$env://KEY'] }
    const text = codec('one').encode('ssls', 'a', ssl)
    expect(JSON.parse(text)).toMatchObject({
      cert: 'c',
      key: expect.stringMatching(/^\$enc:\/\/1\//) as string,
      keys: [expect.stringMatching(/^\$enc/), '$env://KEY'],
    })
    expect(codec('one').decode('ssls', 'a', text)).toEqual({ value: ssl })
  })
})
