import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { contentOf } from '../backend/testing/backend-contract.ts'
import { Recorder } from '../backend/testing/recorder.ts'
import { backupEmbedded, DATA_FILE, readEmbedded } from './embedded-backend.ts'
import { put, TemporaryStore } from './testing/temporary-store.ts'
import { openGuarded } from './verify.ts'

const REMEDY = 'keep a copy of the file, and put a backup in its place'

let store: TemporaryStore
let file: string
beforeEach(async () => {
  store = await TemporaryStore.create()
  file = join(store.path, DATA_FILE)
  const backend = await store.open()
  for (let index = 0; index < 40; index++)
    await put(backend, `routes/${index}`, `{"needle":"${index}-${'x'.repeat(500)}"}`)
  await backend.close()
})
afterEach(() => store.dispose())

/** Changes one byte of each copy of `text` in the file. */
function flip(text: string): void {
  const bytes = readFileSync(file)
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) bytes[at]! ^= 1
  writeFileSync(file, bytes)
}

describe('a store that cannot be read is an error, and never empty', () => {
  it.each([0, 1, 100, 4_096, 8_192, 20_000])('cut off at %i bytes', async (size) => {
    truncateSync(file, size)
    await expect(store.open()).rejects.toThrow(REMEDY)
  })

  it('another file', async () => {
    writeFileSync(file, 'routes: []\n'.repeat(10_000))
    await expect(store.open()).rejects.toThrow(REMEDY)
    await expect(readEmbedded(store.path)).rejects.toThrow(REMEDY)
  })

  it('a header with another length', async () => {
    const bytes = readFileSync(file)
    // The last page, in the first of the two headers.
    bytes.writeBigUInt64LE(2n ** 60n, 144)
    writeFileSync(file, bytes)
    await expect(store.open()).rejects.toThrow('its header is not one of a store')
  })

  it('a document with another byte', async () => {
    flip('"17-xxx')
    await expect(store.open()).rejects.toThrow('the checksum of routes/17 is wrong')
  })

  it('a file that is gone', async () => {
    rmSync(file)
    await expect(store.open()).rejects.toThrow(
      `the store ${file} is gone, and was there before: put it or a backup back in its place. To begin with an empty store, remove`,
    )
    rmSync(`${file}-lock`)
    expect((await (await store.open()).snapshot()).documents.size).toBe(0)
  })

  it('an entry of the history with another byte: everything else works', async () => {
    const backend = await store.open()
    await put(backend, 'routes/1', '{"gone":"needle-of-the-history"}')
    await put(backend, 'routes/1', undefined)
    await backend.close()
    flip('needle-of-the-history')
    const again = await store.open()
    expect((await again.snapshot()).documents.size).toBe(39)
    await expect(again.history({ limit: 1 })).rejects.toThrow('the checksum of history 42/1 is wrong')
    expect(await put(again, 'routes/1', '{}')).toBe(43)
  })

  it('lets go of the store, so that one that was repaired can be opened', async () => {
    const good = readFileSync(file)
    truncateSync(file, 100)
    await expect(store.open()).rejects.toThrow(REMEDY)
    writeFileSync(file, good)
    expect((await (await store.open()).snapshot()).documents.size).toBe(40)
  })
})

describe('a process that ended while it opened the store', () => {
  it('changes nothing when the store is in order', async () => {
    const marker = join(store.path, 'store.opening')
    writeFileSync(marker, '1\n')
    const backend = await store.open()
    expect((await backend.snapshot()).documents.size).toBe(40)
    expect(() => statSync(marker)).toThrow('ENOENT')
  })

  it('is suspicious when reading the store ends another process as well', async () => {
    const marker = join(store.path, 'store.opening')
    const reader = join(store.path, 'reader.mjs')
    writeFileSync(reader, `process.kill(process.pid, 'SIGSEGV')`)
    writeFileSync(marker, '1\n')
    const open = vi.fn(async () => 'opened')
    await expect(openGuarded(file, marker, open, pathToFileURL(reader))).rejects.toThrow(
      /is damaged: reading it ends the process with SIGSEGV.*put a backup in its place/,
    )
    expect(open).not.toHaveBeenCalled()
    writeFileSync(reader, '')
    expect(await openGuarded(file, marker, open, pathToFileURL(reader))).toBe('opened')
    expect(() => statSync(marker)).toThrow('ENOENT')
  })

  it('is known by a file that is there meanwhile', async () => {
    const marker = join(store.path, 'store.opening')
    const mode = await openGuarded(file, marker, async () => statSync(marker).mode & 0o777)
    expect(mode).toBe(0o600)
    expect(() => statSync(marker)).toThrow('ENOENT')
  })

  it('leaves a file of another name when the store was new', async () => {
    rmSync(`${file}-lock`)
    rmSync(file)
    closeSync(openSync(`${file}.new`, 'w'))
    expect((await (await store.open()).snapshot()).documents.size).toBe(0)
  })
})

describe('a backup', () => {
  it('is a store of one moment, for the owner alone', async () => {
    const backend = await store.open()
    const copy = join(store.path, 'monday.mdb')
    const later = put(backend, 'routes/1', '1')
    await Promise.all([backend.backup(copy), later])
    const content = contentOf(await backend.snapshot())
    await put(backend, 'routes/2', 'after')
    await backend.close()
    expect((statSync(copy).mode & 0o777).toString(8)).toBe('600')

    copyFileSync(copy, file)
    const restored = await store.open()
    const snapshot = await restored.snapshot()
    expect([40, 41]).toContain(snapshot.revision)
    if (snapshot.revision === 41) expect(contentOf(snapshot)).toEqual(content)
    expect(await restored.history({ limit: 1_000 })).toHaveLength(snapshot.revision)
    // Whoever was ahead starts from what holds now.
    const recorder = new Recorder()
    restored.watch(42, recorder)
    await recorder.until(() => recorder.resyncs.length === 1)
  })

  it('can be made by a tool while the store is in use', async () => {
    const backend = await store.open()
    const copy = join(store.path, 'monday.mdb')
    await backupEmbedded(store.path, copy)
    await put(backend, 'routes/1', 'after')
    const other = join(store.path, 'other')
    mkdirSync(other)
    copyFileSync(copy, join(other, DATA_FILE))
    const restored = await store.open({ path: other })
    expect((await restored.snapshot()).revision).toBe(40)
    await expect(backupEmbedded(join(store.path, 'nowhere'), copy)).rejects.toThrow('there is no store')
  })

  it('replaces nothing', async () => {
    const backend = await store.open()
    const copy = join(store.path, 'monday.mdb')
    await backend.backup(copy)
    await expect(backend.backup(copy)).rejects.toThrow('a backup replaces nothing')
    await expect(backend.backup(join(store.path, 'no', 'folder.mdb'))).rejects.toThrow('cannot be written')
  })
})
