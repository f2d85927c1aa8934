import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ReadOptions } from './log-reader.ts'
import type { LogRecord } from './log-record.ts'
import { LogStore, type LogStoreOptions } from './log-store.ts'

const NOON = Date.UTC(2026, 10, 21, 12)
const STREAM = `2026/11/21/[$LATEST]${'0123456789abcdef'.repeat(2)}`
const DAY = 86_400_000

let directory: string
let now: number
const open: LogStore[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sekisho-logs-'))
  now = NOON
})

afterEach(async () => {
  for (const store of open.splice(0)) await store.close()
  await rm(directory, { recursive: true, force: true })
})

function storeOf(options: Partial<LogStoreOptions> = {}): LogStore {
  const store = new LogStore({ directory, wall: () => now, ...options })
  open.push(store)
  return store
}

async function textsOf(store: LogStore, options?: ReadOptions): Promise<string[]> {
  const texts: string[] = []
  for await (const record of store.read('echo', options)) texts.push(record.text)
  return texts
}

it('keeps records with time and stream, over a restart', async () => {
  const store = storeOf()
  store.writer('echo', STREAM).write('one', NOON)
  store.writer('echo', 'other').write('REPORT\t\nXRAY TraceId: 1\n\tindented', NOON + 1)
  await store.close()
  const again = storeOf()
  again.writer('echo', 'third').write('three', NOON + 2)
  const records: LogRecord[] = []
  for await (const record of again.read('echo')) records.push(record)
  expect(records).toEqual([
    { timeMs: NOON, stream: STREAM, text: 'one' },
    { timeMs: NOON + 1, stream: 'other', text: 'REPORT\t\nXRAY TraceId: 1\n\tindented' },
    { timeMs: NOON + 2, stream: 'third', text: 'three' },
  ])
  expect(await readdir(join(directory, 'echo'))).toEqual(['2026-11-21.0000.log'])
  expect(await textsOf(again, { since: NOON + 1, until: NOON + 2 })).toHaveLength(1)
})

it('has nothing of a function that never wrote', async () => {
  expect(await textsOf(storeOf())).toEqual([])
  expect(() => storeOf().writer('../x', STREAM)).toThrow('no name of a function')
  await expect(storeOf().read('../x').next()).rejects.toThrow('no name of a function')
})

it('starts a file per day and when one is large, and removes the oldest', async () => {
  const store = storeOf({ fileBytes: 200, functionBytes: 700, retentionDays: 2 })
  const writer = store.writer('echo', STREAM)
  for (let i = 0; i < 4; i++) {
    writer.write(`${i} ${'x'.repeat(200)}`, now)
    await store.flush()
  }
  expect(await readdir(join(directory, 'echo'))).toHaveLength(3)
  expect((await textsOf(store)).map((text) => text[0])).toEqual(['1', '2', '3'])
  now += DAY
  writer.write('tomorrow', now)
  await store.flush()
  expect((await textsOf(store)).at(-1)).toBe('tomorrow')
  now += 2 * DAY
  writer.write('later', now)
  await store.flush()
  expect((await readdir(join(directory, 'echo'))).sort()).toEqual(['2026-11-22.0000.log', '2026-11-24.0000.log'])
  now += 10 * DAY
  await storeOf({ retentionDays: 2 }).open()
  expect(await readdir(join(directory, 'echo'))).toEqual(['2026-11-24.0000.log'])
})

it('follows: what was there, then what comes, each once', async () => {
  const store = storeOf({ flushMs: 1 })
  const writer = store.writer('echo', STREAM)
  const aborter = new AbortController()
  let written = 0
  for (; written < 50; written++) writer.write(String(written), now)
  const seen: number[] = []
  for await (const { text } of store.read('echo', { follow: true, signal: aborter.signal })) {
    seen.push(Number(text))
    // Writes go on while it reads: some in the file already, some on their way.
    if (written < 500) for (let i = 0; i < 7; i++) writer.write(String(written++), now)
    if (seen.length % 40 === 0) await store.flush()
    if (seen.length === written) aborter.abort()
  }
  expect(seen).toEqual(Array.from({ length: written }, (_, i) => i))
})

it('ends a follower that waits', async () => {
  const store = storeOf()
  const aborter = new AbortController()
  const reading = textsOf(store, { follow: true, signal: aborter.signal })
  await store.flush()
  aborter.abort()
  expect(await reading).toEqual([])
  expect(await textsOf(store, { follow: true, signal: AbortSignal.abort() })).toEqual([])
})

it('tells subscribers at once', () => {
  const store = storeOf()
  const seen: string[] = []
  const end = store.subscribe('echo', (record) => seen.push(record.text))
  store.writer('echo', STREAM).write('one', now)
  end()
  store.writer('echo', STREAM).write('two', now)
  expect(seen).toEqual(['one'])
})

it('passes over lines that a crash cut', async () => {
  const store = storeOf()
  store.writer('echo', STREAM).write('one', now)
  await store.close()
  await appendFile(join(directory, 'echo', '2026-11-21.0000.log'), 'rubbish\n17 9 no such stream\n\tgoes on\nx 0 y\n')
  expect(await textsOf(storeOf())).toEqual(['one'])
})

it('drops what the disk cannot take, and says so', async () => {
  const store = storeOf({ pendingLimit: 100 })
  const writer = store.writer('echo', STREAM)
  for (let i = 0; i < 10; i++) writer.write('x'.repeat(60), now)
  await store.flush()
  await store.flush()
  expect(await textsOf(store)).toEqual([
    'x'.repeat(60),
    'x'.repeat(60),
    '8 log events were dropped: they could not be written as fast as they came.',
  ])
})

it('does not fail where it cannot write', async () => {
  await writeFile(join(directory, 'echo'), 'in the way')
  const store = storeOf()
  store.writer('echo', STREAM).write('lost', now)
  await expect(store.flush()).resolves.toBeUndefined()
})
