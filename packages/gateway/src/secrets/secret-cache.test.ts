import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { WantedSecret } from '../config/references/secret-reference.ts'
import type { Secret } from '../resources/secret.ts'
import type { SecretRead } from './read-secret.ts'
import { MAX_PATHS, SecretCache } from './secret-cache.ts'

beforeEach(() => {
  vi.useFakeTimers()
  return () => vi.useRealTimers()
})

const manager: Secret = { id: 'vault/1', uri: 'http://vault', refresh: 60 }
const wanted = (path: string, from = manager): WantedSecret => ({
  reference: `$secret://vault/1/${path}`,
  manager: from,
})

function cacheOf(read: (path: string) => SecretRead | Promise<SecretRead>) {
  const asked: string[] = []
  const told: string[] = []
  const seen = { changes: 0, inUse: [] as WantedSecret[] }
  const cache = new SecretCache({
    inUse: () => seen.inUse,
    onChange: () => seen.changes++,
    onProblem: (message) => told.push(message),
    read: async (from, path) => {
      asked.push(`${from.id} ${path}`)
      return read(path)
    },
    now: () => Date.now(),
  })
  onTestFinished(() => cache.close())
  return { cache, asked, told, seen }
}

const good = (fields: Record<string, string>): SecretRead => ({ fields: new Map(Object.entries(fields)) })
const down = { message: 'Vault is away', unreachable: true } as const

test('fields of one path are read together, and are known from then on', async () => {
  const { cache, asked } = cacheOf(() => good({ key: 'one', user: 'jack' }))
  expect(cache.get(wanted('jack/key'))).toBeUndefined()
  await cache.read([wanted('jack/key'), wanted('jack/user'), wanted('jack/other')])
  expect(asked).toEqual(['vault/1 jack'])
  expect(cache.get(wanted('jack/key'))).toEqual({ text: 'one' })
  expect(cache.get(wanted('jack/user'))).toEqual({ text: 'jack' })
  expect(cache.get(wanted('jack/other'))).toEqual({
    message: 'the secret at "jack" has no text named "other"',
    remedy: 'it has "key", "user"',
  })
  await cache.read([wanted('jack/key')])
  expect(asked).toHaveLength(1)
})

test('what is in use is read again after "refresh"; a change is told once, what is the same is not', async () => {
  let value = 'one'
  const { cache, asked, seen } = cacheOf(() => good({ key: value }))
  seen.inUse = [wanted('a/key'), wanted('b/key')]
  await cache.read([...seen.inUse, wanted('unused/key')])
  await vi.advanceTimersByTimeAsync(61_000)
  expect([asked.length, seen.changes]).toEqual([5, 0])
  value = 'two'
  await vi.advanceTimersByTimeAsync(60_000)
  expect([asked.length, seen.changes]).toEqual([7, 1])
  expect(cache.get(wanted('a/key'))).toEqual({ text: 'two' })
  expect(cache.get(wanted('unused/key'))).toBeUndefined()
})

test('what cannot be read again stays what it was, and is tried with back-off', async () => {
  let answer: SecretRead = good({ key: 'one' })
  const { cache, asked, told, seen } = cacheOf(() => answer)
  seen.inUse = [wanted('a/key')]
  await cache.read(seen.inUse)
  answer = down
  await vi.advanceTimersByTimeAsync(60_000 + 30_000)
  expect(cache.get(wanted('a/key'))).toEqual({ text: 'one' })
  // After 60 s, and 1, 2, 4, 8 and 16 s later.
  expect(asked).toHaveLength(1 + 5)
  expect(told).toEqual([
    expect.stringMatching(/"a" of "vault\/1" cannot be read again, and stay as they are: Vault is away/),
  ])
  answer = good({ key: 'two' })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(cache.get(wanted('a/key'))).toEqual({ text: 'two' })
  expect([seen.changes, told.length]).toEqual([1, 2])
})

test('what could not be read at first is told when it can be', async () => {
  let answer: SecretRead = down
  const { cache, asked, seen } = cacheOf(() => answer)
  seen.inUse = [wanted('a/key')]
  await cache.read(seen.inUse)
  expect(cache.get(wanted('a/key'))).toEqual({ message: 'Vault is away', remedy: undefined })
  await cache.read(seen.inUse)
  expect(asked).toHaveLength(1)
  answer = good({ key: 'one' })
  await vi.advanceTimersByTimeAsync(2_000)
  expect([cache.get(wanted('a/key')), seen.changes]).toEqual([{ text: 'one' }, 1])
})

test('a manager that is away is asked once, not for each of its paths', async () => {
  const { cache, asked } = cacheOf(async () => {
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    return down
  })
  const all = Array.from({ length: 1_000 }, (_, index) => wanted(`p${index}/key`))
  let done = false
  void cache.read(all).then(() => (done = true))
  await vi.advanceTimersByTimeAsync(3_100)
  expect(done).toBe(true)
  expect(asked.length).toBeLessThanOrEqual(8)
  expect(cache.get(wanted('p999/key'))).toEqual({ message: 'Vault is away', remedy: undefined })
})

test('another token is another manager', async () => {
  const { cache, asked } = cacheOf(() => good({ key: 'one' }))
  await cache.read([wanted('a/key')])
  const other = wanted('a/key', { ...manager, token: 'new' })
  expect(cache.get(other)).toBeUndefined()
  await cache.read([other])
  expect(asked).toHaveLength(2)
})

test('there is a limit of paths', async () => {
  const { cache, seen } = cacheOf(() => good({ key: 'one' }))
  seen.inUse = Array.from({ length: MAX_PATHS }, (_, index) => wanted(`p${index}/key`))
  await cache.read(seen.inUse)
  await cache.read([wanted('more/key')])
  expect(cache.get(wanted('more/key'))).toMatchObject({ message: expect.stringMatching(/beyond the 20000 paths/) })
})
