import { Headers } from '@sekisho/wire'
import { expect, it } from 'vitest'
import { TEXT_BYTES, type StoredMeta } from '../stored-response.ts'
import { MemoryStore } from './memory-store.ts'

const meta = (key: string, bodyLength: number): StoredMeta => ({
  key,
  status: 200,
  reason: 'OK',
  headers: Headers.from({ 'content-length': String(bodyLength), 'x-key': key }),
  receivedAt: 1,
  initialAgeMs: 0,
  freshMs: 1_000,
  alwaysAsk: false,
  neverStale: false,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  sequence: 0,
  cells: [1],
  variants: undefined,
  bodyLength,
})

/** Different bytes for each key and version. */
const body = (key: string, length: number): Buffer => Buffer.alloc(length, `${key}|`)
const put = (store: MemoryStore, key: string, text: string): void =>
  store.put(meta(key, text.length), [Buffer.from(text)])

it('gives back what was put, in another worker, too', () => {
  const buffers = MemoryStore.createBuffers(1_048_576, 2)
  const [one, two] = [new MemoryStore(buffers, 0), new MemoryStore(buffers, 1)]
  put(one, 'a', 'x'.repeat(3_000))
  const found = two.get('a')
  expect(found?.text).toBe('x'.repeat(3_000))
  expect(found?.headers.get('x-key')).toBe('a')
  expect(two.get('b')).toBeUndefined()
  put(two, 'a', 'second')
  expect(found !== undefined && two.isCurrent(found)).toBe(false)
  expect(one.get('a')?.text).toBe('second')
  one.delete('a')
  expect(two.get('a')).toBeUndefined()
  expect(one.usage).toMatchObject({ entries: 0, bytes: 0 })
})

it('reads a large body in pieces, and keeps it whole while it is read', () => {
  const buffers = MemoryStore.createBuffers(8 * 1_048_576, 1)
  const store = new MemoryStore(buffers, 0)
  const length = TEXT_BYTES * 3 + 77
  store.put(meta('big', length), [body('big', 1_000), body('big', length).subarray(1_000)])
  const found = store.get('big')
  expect(found?.text).toBeUndefined()
  const reader = found?.openBody()
  if (found === undefined || reader === undefined) throw new Error('no reader')
  const first = reader.read(0, 1_000) as Uint8Array
  // It leaves the index, and all that fits is put in after it.
  store.delete('big')
  for (let at = 0; at < 2_000; at++) put(store, `k${at}`, 'y'.repeat(6_000))
  const pieces: Uint8Array[] = [first]
  for (let at = first.length; at < length;) {
    const piece = reader.read(at, length) as Uint8Array
    pieces.push(piece)
    at += piece.length
  }
  const whole = Buffer.concat([body('big', 1_000), body('big', length).subarray(1_000)])
  expect(Buffer.concat(pieces).equals(whole)).toBe(true)
  reader.close()
  expect(found.openBody()).toBeUndefined()
})

it('leaves nothing pinned by a worker that died', () => {
  const buffers = MemoryStore.createBuffers(2 * 1_048_576, 1)
  const store = new MemoryStore(buffers, 0)
  store.put(meta('big', 200_000), [body('big', 200_000)])
  store.get('big')?.openBody()
  store.delete('big')
  expect(store.usage.bytes).toBeGreaterThan(200_000)
  expect(new MemoryStore(buffers, 0).usage.bytes).toBe(0)
})

it('refuses what is too large, and forgets the one before', () => {
  const store = new MemoryStore(MemoryStore.createBuffers(1_048_576, 1))
  put(store, 'a', 'small')
  store.put(meta('a', 500_000), [Buffer.alloc(500_000)])
  expect(store.get('a')).toBeUndefined()
})

it('never gives back anything but the last that was put (seeded, two workers)', () => {
  const seed = Date.now() & 0xffffff
  let state = seed
  const next = (below: number) => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) % below
  const buffers = MemoryStore.createBuffers(262_144, 2)
  const stores = [new MemoryStore(buffers, 0), new MemoryStore(buffers, 1)]
  const model = new Map<string, string>()
  let found = 0
  for (let round = 0; round < 20_000; round++) {
    const store = stores[next(2)]
    const key = `k${next(300)}`
    const action = next(10)
    if (action < 4) {
      const text = `${key}:${round}:`.padEnd(next(6_000), 'z')
      put(store, key, text)
      model.set(key, text)
    } else if (action === 4) {
      store.delete(key)
      model.delete(key)
    } else {
      const stored = store.get(key)
      if (stored === undefined) continue
      found++
      expect(stored.text, `seed ${seed}, round ${round}`).toBe(model.get(key))
    }
    expect(store.usage.bytes).toBeLessThanOrEqual(262_144)
  }
  expect(found).toBeGreaterThan(1_000)
})

it('keeps what is used while a scan passes (S3-FIFO)', () => {
  const store = new MemoryStore(MemoryStore.createBuffers(1_048_576, 1))
  const hot = Array.from({ length: 100 }, (_, at) => `hot${at}`)
  for (const key of hot) put(store, key, 'h'.repeat(1_000))
  for (const key of hot) store.get(key)
  for (let at = 0; at < 5_000; at++) put(store, `scan${at}`, 's'.repeat(1_000))
  expect(hot.filter((key) => store.get(key) !== undefined).length).toBeGreaterThan(90)
})
