import { afterEach, describe, expect, test } from 'vitest'
import type { ResourceKind } from '../resources/kind-names.ts'
import { trustScripts } from '../scripts/trusted-scripts.ts'
import { MemoryBackend } from '../store/backend/testing/memory-backend.ts'
import { KeyRing } from '../store/documents/key-ring.ts'
import { testDocumentStore } from '../store/documents/testing/test-document-store.ts'
import type { Document, DocumentChange, WriteOptions, WriteResult } from './control-plane.ts'
import { StoreControlPlane } from './store-control-plane.ts'

const OPTIONS: WriteOptions = { author: { who: 'ops', from: '127.0.0.1' } }
const upstream = { nodes: { 'a:80': 1 } }
let seconds = 1_000

async function controlPlane(backend = new MemoryBackend(), keyRing?: KeyRing) {
  const store = testDocumentStore(backend, { keyRing })
  await store.load()
  const control = new StoreControlPlane(store, backend, () => seconds++ * 1_000)
  return { backend, store, control }
}

const set = (kind: ResourceKind, id: string, value: Document): DocumentChange => ({ kind, id, value })
const remove = (kind: ResourceKind, id: string): DocumentChange => ({ kind, id, value: undefined })
const done = (result: WriteResult) => {
  if (!('changes' in result)) throw new Error(JSON.stringify(result))
  return result
}
const problems = (result: WriteResult) => {
  if (!('problems' in result)) throw new Error('it was not refused')
  return result.problems.map(({ path, message }) => `${path} ${message}`)
}

describe('a write', () => {
  test('with a regular expression that a client could make run for long is refused, and says which', async () => {
    const { control, backend } = await controlPlane()
    const route = { uri: '/a', upstream, vars: [['uri', '~~', '^/(a+)+$']] }
    const [problem] = problems(await control.write([set('routes', 'a', route)], OPTIONS))
    expect(problem).toMatch(/vars\/0\/2 can take exponential time: "\(a\+\)\+" can match/)
    expect((await backend.snapshot()).documents.size).toBe(0)
  })

  describe('with code that runs with the rights of the gateway', () => {
    afterEach(() => trustScripts({ trusted: false, isStored: false }))
    const route = { uri: '/a', upstream, filter_func: 'function (vars) { globalThis.wasRun = true; return true }' }

    test('is refused where the settings file says nothing of it, without running it', async () => {
      trustScripts({ trusted: false, isStored: true })
      const { control, backend } = await controlPlane()
      expect(problems(await control.write([set('routes', 'a', route)], OPTIONS))).toEqual([
        '/routes/a/filter_func runs with all rights of the gateway, which the settings file of this node does not allow to documents of its store',
      ])
      expect((await backend.snapshot()).documents.size).toBe(0)
      expect(globalThis).not.toHaveProperty('wasRun')
    })

    test('is taken where it trusts scripts', async () => {
      trustScripts({ trusted: true, isStored: true })
      const { control } = await controlPlane()
      done(await control.write([set('routes', 'a', route)], OPTIONS))
    })
  })

  test('with a mask where no secret was is refused', async () => {
    const { control } = await controlPlane()
    const consumer = { username: 'jack', plugins: { 'key-auth': { key: '***' } } }
    expect(problems(await control.write([set('consumers', 'jack', consumer)], OPTIONS))).toEqual([
      expect.stringMatching(/^\/consumers\/jack\/plugins\/key-auth\/key is "\*\*\*"/),
    ])
  })

  test('fills in id and times, and is there when it resolves', async () => {
    const { control, backend } = await controlPlane()
    const first = done(await control.write([set('routes', 'a', { uri: '/a', upstream })], OPTIONS))
    const made = first.items[0]?.value['create_time']
    expect(first).toMatchObject({
      revision: 1,
      items: [{ kind: 'routes', id: 'a', createRevision: 1, revision: 1, value: { id: 'a', uri: '/a' } }],
      changes: [{ kind: 'routes', id: 'a', before: undefined, after: { uri: '/a' } }],
    })
    expect(control.get('routes', 'a')).toEqual(first.items[0])
    await control.write([set('routes', 'a', { uri: '/b', upstream })], OPTIONS)
    const now = control.get('routes', 'a')!
    expect(now.value['create_time']).toBe(made)
    expect(now.value['update_time']).toBeGreaterThan(made as number)
    expect(now).toMatchObject({ createRevision: 1, revision: 2 })
    expect(control.list('routes')).toEqual([now])
    expect(control.list('upstreams')).toEqual([])
    expect((await backend.history({ limit: 1 }))[0]).toMatchObject({ author: OPTIONS.author })
  })

  test('is refused whole', async () => {
    const { control, backend } = await controlPlane()
    const result = await control.write(
      [
        set('upstreams', 'u', upstream),
        set('routes', 'a', { uri: 'a', upstream_id: 'u' }),
        set('routes', 'b', { uri: '/b', upstream_id: 'w' }),
      ],
      OPTIONS,
    )
    expect(problems(result)).toEqual([
      '/routes/a/uri must start with "/"',
      '/routes/b/upstream_id there is no upstream with this id',
    ])
    expect(backend.revision).toBe(0)
  })

  test('as a dry run says what it would do', async () => {
    const { control, backend } = await controlPlane()
    await control.write([set('routes', 'a', { uri: '/a', upstream })], OPTIONS)
    const result = done(
      await control.write([set('routes', 'a', { uri: '/b', upstream })], { ...OPTIONS, dryRun: true }),
    )
    expect(result).toMatchObject({
      revision: 1,
      items: [{ value: { uri: '/b' }, revision: 1 }],
      changes: [{ before: { uri: '/a' }, after: { uri: '/b' } }],
    })
    expect(backend.revision).toBe(1)
  })

  test('that deletes what others refer to needs force', async () => {
    const { control } = await controlPlane()
    await control.write([set('upstreams', 'u', upstream), set('routes', 'a', { uri: '/a', upstream_id: 'u' })], OPTIONS)
    expect(problems(await control.write([remove('upstreams', 'u')], OPTIONS))).toEqual([
      '/upstreams/u cannot be deleted: route "a" still refers to it',
    ])
    expect(done(await control.write([remove('upstreams', 'u')], { ...OPTIONS, force: true })).changes).toHaveLength(1)
    expect(done(await control.write([remove('upstreams', 'u')], OPTIONS))).toEqual({
      revision: 2,
      items: [],
      changes: [],
    })
  })

  test('may depend on a revision', async () => {
    const { control } = await controlPlane()
    await control.write([set('routes', 'a', { uri: '/a', upstream })], OPTIONS)
    const change = set('routes', 'a', { uri: '/b', upstream })
    expect(await control.write([{ ...change, ifRevision: 0 }], OPTIONS)).toEqual({ conflict: 'routes/a' })
    expect(done(await control.write([{ ...change, ifRevision: 1 }], OPTIONS)).revision).toBe(2)
  })

  test('is tried again when another node was faster, and keeps the time of creation that the other one wrote', async () => {
    const { control, backend } = await controlPlane()
    backend.beforeCommit = () => {
      backend.put([{ key: 'routes/a', value: JSON.stringify({ id: 'a', uri: '/other', upstream, create_time: 5 }) }])
    }
    const result = done(await control.write([set('routes', 'a', { uri: '/a', upstream })], OPTIONS))
    expect(result).toMatchObject({
      revision: 2,
      changes: [{ before: { uri: '/other' } }],
      items: [{ value: { create_time: 5 } }],
    })
  })

  test('rejects when the store is away', async () => {
    const { control, backend } = await controlPlane()
    backend.failure = new Error('connection refused')
    await expect(control.write([set('routes', 'a', { uri: '/a', upstream })], OPTIONS)).rejects.toThrow(
      'connection refused',
    )
    backend.failure = undefined
    done(await control.write([set('routes', 'a', { uri: '/a', upstream })], OPTIONS))
  })

  test('of what harms is refused', async () => {
    const { control } = await controlPlane()
    let deep: unknown = 1
    for (let at = 0; at < 100_000; at++) deep = [deep]
    const result = await control.write([set('routes', 'a', { uri: '/a', upstream, vars: deep })], OPTIONS)
    expect(problems(result)).toEqual(['/routes/a has more than 64 objects and lists within each other'])
    const own = JSON.parse('{"uri":"/b","upstream":"http://a","__proto__":{}}') as Document
    expect(problems(await control.write([set('routes', 'b', own)], OPTIONS))).toEqual([
      '/routes/b has a key "__proto__"',
    ])
  })
})

describe('the whole', () => {
  const documents = [set('upstreams', 'u', upstream), set('routes', 'a', { uri: '/a', upstream_id: 'u' })]

  test('becomes what is given, by the least change', async () => {
    const { control } = await controlPlane()
    await control.write([set('routes', 'old', { uri: '/old', upstream }), documents[0]!], OPTIONS)
    const result = done(await control.replaceAll(documents, OPTIONS))
    expect(
      result.changes.map(({ kind, id, before, after }) => [kind, id, before !== undefined, after !== undefined]),
    ).toEqual([
      ['routes', 'a', false, true],
      ['routes', 'old', true, false],
    ])
    expect(done(await control.replaceAll(documents, OPTIONS))).toEqual({ revision: 2, items: [], changes: [] })
  })

  test('goes back to a revision, or one resource does', async () => {
    const { control } = await controlPlane()
    await control.replaceAll(documents, OPTIONS)
    await control.write(
      [set('routes', 'a', { uri: '/b', upstream_id: 'u' }), set('routes', 'c', { uri: '/c', upstream_id: 'u' })],
      OPTIONS,
    )
    await control.write([set('upstreams', 'u', { nodes: { 'b:80': 1 } })], OPTIONS)
    done(await control.rollback(1, { kind: 'routes', id: 'c' }, OPTIONS))
    expect(control.get('routes', 'c')).toBeUndefined()
    done(await control.rollback(1, undefined, OPTIONS))
    expect(control.get('routes', 'a')?.value).toMatchObject({ uri: '/a' })
    expect(control.get('upstreams', 'u')?.value).toMatchObject(upstream)
    expect((await control.diff(1, control.revision))?.map(({ kind, id }) => `${kind}/${id}`)).toEqual([
      'upstreams/u',
      'routes/a',
    ])
    expect(problems(await control.rollback(99, undefined, OPTIONS))[0]).toContain('revision 99 is not known')
    expect(await control.diff(1, 99)).toBeUndefined()
  })

  test('tells of every change, whoever made it', async () => {
    const { control, backend, store } = await controlPlane()
    const told: [number, unknown][] = []
    const end = control.onChange(({ revision, differences }) => told.push([revision, differences[0]?.after?.['uri']]))
    await control.write([set('routes', 'a', { uri: '/a', upstream })], OPTIONS)
    backend.put([{ key: 'routes/a', value: '{"uri":"invalid"}' }])
    await store.reached(2)
    end()
    await control.write([remove('routes', 'a')], OPTIONS)
    expect(told).toEqual([
      [1, '/a'],
      [2, 'invalid'],
    ])
  })
})

test('secrets are encrypted in the store and readable here', async () => {
  const { control, backend } = await controlPlane(new MemoryBackend(), new KeyRing(['one']))
  const jack = { username: 'jack', plugins: { 'key-auth': { key: 'open sesame' } } }
  const result = done(await control.write([set('consumers', 'jack', jack)], OPTIONS))
  expect(result.items[0]?.value).toMatchObject(jack)
  expect(control.get('consumers', 'jack')?.value).toMatchObject(jack)
  const [entry] = await backend.history({ limit: 1 })
  expect(entry?.changes[0]?.after).not.toContain('sesame')
  expect((await control.history({ limit: 1 }))[0]?.changes[0]?.after).toContain('sesame')
  // The same again, encrypted with another nonce, is no change.
  expect(done(await control.replaceAll([set('consumers', 'jack', jack)], OPTIONS)).changes).toEqual([])
  // What somebody saw encrypted and sends back is what it was.
  const seen = JSON.parse(entry!.changes[0]!.after!) as Document
  await control.write([set('consumers', 'jack', seen)], OPTIONS)
  expect(control.get('consumers', 'jack')?.value).toMatchObject(jack)
})
