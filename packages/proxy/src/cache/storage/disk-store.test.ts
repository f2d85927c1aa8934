import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Headers } from '@sekisho/wire'
import { afterEach, expect, it } from 'vitest'
import { PIECE_BYTES, type StoredMeta, type StoredResponse } from '../stored-response.ts'
import { DiskStore } from './disk-store.ts'
import { PurgeTable } from './purge-table.ts'

const folders: string[] = []
const scratch = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-disk-store-'))
  folders.push(folder)
  return folder
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const meta = (key: string, bodyLength: number): StoredMeta => ({
  key,
  status: 200,
  reason: 'OK',
  headers: Headers.from({ 'content-length': String(bodyLength) }),
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

async function openStore(folder: string, capacity = 16_777_216) {
  const problems: unknown[] = []
  const purges = new PurgeTable(PurgeTable.createBuffer())
  const buffer = DiskStore.createBuffer(capacity)
  const store = new DiskStore({ buffer, folder, purges, onProblem: (error) => problems.push(error) })
  await store.ready
  return { store, purges, problems, buffer }
}

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && /[0-9a-f]{16}/.test(path))

async function bodyOf(stored: StoredResponse | undefined) {
  if (stored === undefined) return undefined
  if (stored.text !== undefined) return Buffer.from(stored.text, 'latin1')
  const reader = stored.openBody()
  const pieces: Uint8Array[] = []
  for (let at = 0; at < stored.bodyLength;) {
    const piece = (await reader?.read(at, stored.bodyLength)) as Uint8Array
    pieces.push(piece)
    at += piece.length
  }
  reader?.close()
  return Buffer.concat(pieces)
}

it('finds after a restart what was there before it', async () => {
  const folder = scratch()
  const large = Buffer.alloc(3 * PIECE_BYTES + 5, 'large ')
  const { store } = await openStore(folder)
  await store.put(meta('small', 5), [Buffer.from('small')])
  await store.put(meta('large', large.length), [large.subarray(0, 70_000), large.subarray(70_000)])
  await store.put(meta('gone', 1), [Buffer.from('g')])
  store.delete('gone')
  await store.close()

  const { store: next, problems } = await openStore(folder)
  expect(next.usage.entries).toBe(2)
  expect((await bodyOf(await next.get('small')))?.toString()).toBe('small')
  expect((await bodyOf(await next.get('large')))?.equals(large)).toBe(true)
  expect(await next.get('gone')).toBeUndefined()
  expect(problems).toEqual([])
  await next.close()
})

it('keeps within its size, and takes the files of what goes with it', async () => {
  const folder = scratch()
  const { store } = await openStore(folder, 40 * 4_096)
  for (let at = 0; at < 100; at++) await store.put(meta(`k${at}`, 3_000), [Buffer.alloc(3_000, at)])
  await store.close()
  expect(store.usage.bytes).toBeLessThanOrEqual(40 * 4_096)
  expect(files(folder).length).toBe(store.usage.entries)
  const { store: smaller } = await openStore(folder, 10 * 4_096 * 2)
  await smaller.close()
  expect(files(folder).length).toBeLessThanOrEqual(20)
})

it.each([
  ['a byte of the head', (path: string) => flip(path, 40)],
  ['a byte of the body', (path: string) => flip(path, statSync(path).size - 3)],
  ['its end missing', (path: string) => truncateSync(path, statSync(path).size - 7)],
  ['more than there was', (path: string) => appendFileSync(path, 'more')],
  ['nothing in it', (path: string) => truncateSync(path, 0)],
])('does not give back a damaged file: %s', async (_, damage) => {
  const folder = scratch()
  const { store, problems } = await openStore(folder)
  await store.put(meta('a', 1_000), [Buffer.alloc(1_000, 'a')])
  for (const path of files(folder)) damage(path)
  expect(await store.get('a')).toBeUndefined()
  expect(problems).toHaveLength(1)
  expect(await store.get('a')).toBeUndefined()
  await store.close()
  expect(files(folder)).toEqual([])
})

it('stops at the piece of a large body that is damaged', async () => {
  const folder = scratch()
  const { store } = await openStore(folder)
  const length = 4 * PIECE_BYTES
  await store.put(meta('a', length), [Buffer.alloc(length, 'a')])
  for (const path of files(folder)) flip(path, statSync(path).size - 10)
  const reader = (await store.get('a'))?.openBody()
  expect((await reader?.read(0, length))?.length).toBe(PIECE_BYTES)
  await expect(Promise.resolve(reader?.read(3 * PIECE_BYTES, length))).rejects.toThrow('damaged')
  reader?.close()
  await store.close()
})

it('knows after a restart what was purged, and does not believe a journal that is cut', async () => {
  const folder = scratch()
  const { store, purges } = await openStore(folder)
  const [cell, other] = [purges.cellOf('tag a'), purges.cellOf('tag b')]
  await store.keepPurge(cell, purges.purge(cell))
  await store.keepPurge(other, purges.purge(other))
  await store.close()
  truncateSync(join(folder, 'purges'), 20)
  const { store: next, purges: known } = await openStore(folder)
  expect(known.isPurged([cell], 0)).toBe(true)
  expect(known.isPurged([other], 0)).toBe(false)
  expect(known.sequence).toBe(1)
  await next.close()
})

it('does not believe files that know of purges which it does not know', async () => {
  const folder = scratch()
  const { store } = await openStore(folder)
  await store.put({ ...meta('a', 1), sequence: 7 }, [Buffer.from('a')])
  expect(await store.get('a')).toBeUndefined()
  await store.close()
})

it('finds a file before the folder is read', async () => {
  const folder = scratch()
  const { store } = await openStore(folder)
  await store.put(meta('a', 5), [Buffer.from('small')])
  await store.close()
  const purges = new PurgeTable(PurgeTable.createBuffer())
  const next = new DiskStore({ buffer: DiskStore.createBuffer(1_048_576), folder, purges })
  const [found, missing] = [next.get('a'), next.get('b')]
  expect((await bodyOf(await found))?.toString()).toBe('small')
  expect(await missing).toBeUndefined()
  await next.ready
  expect(next.usage.entries).toBe(1)
  await next.close()
})

it('gives purges after a restart greater numbers than what is stored has', async () => {
  const folder = scratch()
  const { store, purges } = await openStore(folder)
  // None of these is in the journal.
  for (let at = 0; at < 10_000; at++) purges.purge(77)
  await store.put({ ...meta('a', 1), sequence: purges.sequence }, [Buffer.from('a')])
  await store.close()
  const { store: next, purges: later, problems } = await openStore(folder)
  const found = await next.get('a')
  expect([found?.text, problems]).toEqual(['a', []])
  later.purge(1)
  expect(later.isPurged(found?.cells ?? [], found?.sequence ?? 0)).toBe(true)
  await next.close()
})

it('says so when nothing can be written, and keeps nothing', async () => {
  const folder = scratch()
  const { store } = await openStore(folder)
  for (let byte = 0; byte < 256; byte++) writeFileSync(join(folder, byte.toString(16).padStart(2, '0')), 'in the way')
  await expect(store.put(meta('a', 1), [Buffer.from('a')])).rejects.toThrow()
  expect(await store.get('a')).toBeUndefined()
  await store.close()
})

it('has whole entries alone after kill -9 in the middle of writing', async () => {
  const folder = scratch()
  const built = fileURLToPath(new URL('../../../dist/cache/storage/disk-store.js', import.meta.url))
  if (!existsSync(built)) return
  const code = `
    import { DiskStore } from ${JSON.stringify(built)}
    import { PurgeTable } from ${JSON.stringify(built.replace('disk-store', 'purge-table'))}
    import { Headers } from ${JSON.stringify(fileURLToPath(new URL('../../../../wire/dist/index.js', import.meta.url)))}
    const store = new DiskStore({ buffer: DiskStore.createBuffer(64 << 20), folder: ${JSON.stringify(folder)}, purges: new PurgeTable(PurgeTable.createBuffer()) })
    await store.ready
    const meta = (key, bodyLength) => ({ key, status: 200, reason: 'OK', headers: new Headers(), receivedAt: 1, initialAgeMs: 0, freshMs: 1, alwaysAsk: false,
      neverStale: false, staleWhileRevalidateMs: 0, staleIfErrorMs: 0, sequence: 0, cells: [1], variants: undefined, bodyLength })
    for (let at = 0; ; at++) {
      const length = 1 + (at * 7919) % 200000
      await Promise.all([0, 1, 2].map((n) => store.put(meta('k' + ((at + n) % 40), length), [Buffer.alloc(length, (at + n) % 40)])))
      if (at === 60) process.stdout.write('going')
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const { store, problems } = await openStore(folder, 67_108_864)
  let found = 0
  for (let at = 0; at < 40; at++) {
    const body = await bodyOf(await store.get(`k${at}`))
    if (body === undefined) continue
    found++
    expect(body.every((byte) => byte === at)).toBe(true)
  }
  expect(found).toBeGreaterThan(20)
  expect(problems).toEqual([])
  await store.close()
})

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] ^= 0xff
  writeFileSync(path, bytes)
}
