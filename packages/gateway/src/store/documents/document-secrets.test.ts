import { expect, onTestFinished, test } from 'vitest'
import { StoreControlPlane } from '../../control/store-control-plane.ts'
import { SecretCache } from '../../secrets/secret-cache.ts'
import { fakeVault, type FakeVault, TOKEN } from '../../secrets/testing/fake-vault.ts'
import type { DocumentKey } from '../backend/backend.ts'
import { MemoryBackend } from '../backend/testing/memory-backend.ts'
import { KeyRing } from './key-ring.ts'
import { testDocumentStore } from './testing/test-document-store.ts'

function nodeOf(backend: MemoryBackend) {
  const errors: string[] = []
  const secrets = new SecretCache({
    inUse: () => store.secrets(),
    onChange: () => void store.recheck(),
    onProblem: () => undefined,
  })
  const store = testDocumentStore(backend, {
    keyRing: new KeyRing(['a-key-of-the-tests']),
    references: { environment: { TOKEN }, files: { folder: '/nowhere', within: [] }, secrets },
    secrets,
    logger: { error: (_fields, text) => errors.push(text), warn: () => undefined, info: () => undefined },
  })
  /** The next change that workers are told of. */
  const changed = () =>
    new Promise<string[]>((resolve) => {
      const end = store.watch(({ operations }) => {
        end()
        resolve(
          operations.map(
            ({ kind, id, value }) => `${kind}/${id} ${value === undefined ? 'gone' : String(keyOf(value))}`,
          ),
        )
      })
    })
  onTestFinished(() => store.close())
  return { store, secrets, errors, changed, control: new StoreControlPlane(store, backend) }
}

const keyOf = (value: object): unknown =>
  (value as { plugins?: { 'key-auth'?: { key?: string } } }).plugins?.['key-auth']?.key

const put = (key: DocumentKey, value: object) => ({ key, value: JSON.stringify(value) })
const manager = ({ uri }: FakeVault, more: object = {}) => ({
  id: 'vault/1',
  uri,
  prefix: 'kv',
  token: '$env://TOKEN',
  timeout: 1,
  ...more,
})
const jack = { username: 'jack', plugins: { 'key-auth': { key: '$secret://vault/1/jack/key' } } }
const upstream = { nodes: { 'a:80': 1 } }
const author = { author: { who: 'ops', from: '127.0.0.1' } }

test('a start reads secrets before anything is in force', async () => {
  const vault = await fakeVault()
  vault.kv.set('jack', { key: 'one' })
  const backend = new MemoryBackend()
  backend.put([put('consumers/jack', jack), put('secrets/vault/1', manager(vault))])
  const { store, errors } = nodeOf(backend)
  const { resources } = await store.load()
  expect(keyOf(resources.consumers.get('jack')!)).toBe('one')
  expect(resources.secrets.get('vault/1')).toMatchObject({ token: TOKEN })
  expect(errors).toEqual([])
})

test('a manager that is away keeps back what needs it, with the reason, and nothing else', async () => {
  const vault = await fakeVault()
  vault.mode = 'sealed'
  vault.kv.set('jack', { key: 'one' })
  const backend = new MemoryBackend()
  backend.put([put('secrets/vault/1', manager(vault)), put('consumers/jack', jack), put('upstreams/u', upstream)])
  const { store, errors, changed, secrets } = nodeOf(backend)
  const { resources } = await store.load()
  expect([resources.consumers.size, resources.upstreams.size]).toEqual([0, 1])
  expect(errors).toEqual([
    expect.stringMatching(/\/consumers\/jack\/plugins\/key-auth\/key .*\$secret:\/\/vault\/1\/jack\/key.*sealed/),
  ])
  vault.mode = 'well'
  const next = changed()
  await secrets.readAgain()
  expect(await next).toEqual(['consumers/jack one'])
  expect(store.refused).toBe(0)
})

test('what somebody writes behind our back comes into force when its secret was read', async () => {
  const vault = await fakeVault()
  vault.kv.set('jack', { key: 'one' })
  const backend = new MemoryBackend()
  const { store, changed, errors } = nodeOf(backend)
  await store.load()
  let next = changed()
  backend.put([put('consumers/jack', jack)])
  await backend.commit([{ key: 'upstreams/u', value: JSON.stringify(upstream) }], [], author.author)
  expect(await next).toEqual(['upstreams/u undefined'])
  expect(errors).toEqual([expect.stringMatching(/there is no secret manager "vault\/1"; add it to "secrets"/)])
  next = changed()
  backend.put([put('secrets/vault/1', manager(vault))])
  expect(await next).toEqual(['secrets/vault/1 undefined'])
  expect(await changed()).toEqual(['consumers/jack one'])
})

test('another value is a change; one that cannot be read any more is not', async () => {
  const vault = await fakeVault()
  vault.kv.set('jack', { key: 'one' })
  const backend = new MemoryBackend()
  backend.put([put('secrets/vault/1', manager(vault)), put('consumers/jack', jack)])
  const { store, changed, secrets } = nodeOf(backend)
  await store.load()
  vault.kv.set('jack', { key: 'two' })
  const next = changed()
  await secrets.readAgain()
  expect(await next).toEqual(['consumers/jack two'])
  vault.kv.clear()
  await secrets.readAgain()
  await store.recheck()
  expect(keyOf((await store.load()).resources.consumers.get('jack')!)).toBe('two')
})

test('another manager under the same name is asked, and what was read before stays until it answers', async () => {
  const [old, young] = [await fakeVault(), await fakeVault()]
  old.kv.set('jack', { key: 'old' })
  young.kv.set('jack', { key: 'young' })
  const backend = new MemoryBackend()
  backend.put([put('secrets/vault/1', manager(old)), put('consumers/jack', jack)])
  const { store, changed } = nodeOf(backend)
  await store.load()
  let next = changed()
  backend.put([put('secrets/vault/1', manager(old, { token: 'wrong' }))])
  expect(await next).toEqual(['secrets/vault/1 undefined'])
  expect(keyOf((await store.load()).resources.consumers.get('jack')!)).toBe('old')
  next = changed()
  backend.put([put('secrets/vault/1', manager(young))])
  expect(await next).toEqual(['secrets/vault/1 undefined'])
  expect(await changed()).toEqual(['consumers/jack young'])
})

test('a write is checked with its secrets, and with the manager that it brings', async () => {
  const vault = await fakeVault()
  vault.kv.set('jack', { key: 'one' })
  const backend = new MemoryBackend()
  const { store, control } = nodeOf(backend)
  await store.load()
  const consumer = { kind: 'consumers', id: 'jack', value: jack } as const
  const secret = { kind: 'secrets', id: 'vault/1', value: manager(vault) } as const
  expect(await control.write([consumer], author)).toMatchObject({
    problems: [{ message: 'there is no secret manager "vault/1"', remedy: 'add it to "secrets"' }],
  })
  expect(await control.write([consumer, secret], author)).toMatchObject({ revision: 1 })
  expect(keyOf((await store.load()).resources.consumers.get('jack')!)).toBe('one')
  // As it was written, in the store and for people.
  expect(control.get('consumers', 'jack')?.value).toMatchObject(jack)
  expect(await control.write([{ kind: 'secrets', id: 'vault/1', value: undefined }], author)).toMatchObject({
    problems: [{ message: expect.stringMatching(/consumer "jack" still refers to it/) }],
  })
  vault.mode = 'hang'
  const other = { ...jack, username: 'jill', plugins: { 'key-auth': { key: '$secret://vault/1/jill/key' } } }
  expect(await control.write([{ kind: 'consumers', id: 'jill', value: other }], author)).toMatchObject({
    problems: [
      {
        path: '/consumers/jill/plugins/key-auth/key',
        message: expect.stringMatching(/does not answer within 1 second/),
      },
    ],
  })
})

test('a token that stands in the document is encrypted in the store', async () => {
  const vault = await fakeVault()
  const backend = new MemoryBackend()
  const { store, control } = nodeOf(backend)
  await store.load()
  const value = manager(vault, { token: 'hvs.plain' })
  await control.write([{ kind: 'secrets', id: 'vault/1', value }], author)
  const { documents } = await backend.snapshot()
  const text = documents.get('secrets/vault/1')!.value
  expect(text).toMatch(/"token":"\$enc:\/\/1\//)
  expect(text).not.toContain('hvs.plain')
  expect(control.get('secrets', 'vault/1')?.value).toMatchObject({ token: 'hvs.plain' })
})
