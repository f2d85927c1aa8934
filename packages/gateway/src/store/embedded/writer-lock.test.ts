import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { contentOf } from '../backend/testing/backend-contract.ts'
import { Recorder } from '../backend/testing/recorder.ts'
import { EmbeddedDatabase } from './database.ts'
import { DATA_FILE, LOCK_SOCKET } from './embedded-backend.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { AUTHOR, put, TemporaryStore } from './testing/temporary-store.ts'

let store: TemporaryStore
beforeEach(async () => {
  store = await TemporaryStore.create()
})
afterEach(() => store.dispose())

describe('a second process', () => {
  it('is refused, and told who has the store', async () => {
    const backend = await store.open()
    await expect(store.open()).rejects.toThrow(
      `the store ${store.path} is in use by this process: only one process writes an embedded store`,
    )
    await put(backend, 'routes/1', '{}')
    await backend.close()
    expect(contentOf(await (await store.open()).snapshot())).toEqual({ 'routes/1': '{}' })
  })

  it('is refused by one that does not answer, too', async () => {
    const frozen = createServer(() => undefined)
    await new Promise<void>((resolve) => frozen.listen(join(store.path, LOCK_SOCKET), resolve))
    await expect(store.open()).rejects.toThrow('in use by another process, which does not answer')
    await new Promise((resolve) => frozen.close(resolve))
  })

  it('that got the store all the same stops the first', async () => {
    const backend = await store.open()
    await put(backend, 'routes/first', '{}')
    const database = await EmbeddedDatabase.open(join(store.path, DATA_FILE))
    database.write(() => database.putState({ ...database.state(), writer: 'another' }))
    await database.close()
    await expect(put(backend, 'routes/1', '{}')).rejects.toThrow('another process has taken the store over')
    expect([...(await backend.snapshot()).documents.keys()]).toEqual(['routes/first'])
  })
})

it('a path that is too long for a socket is refused with its length', async () => {
  const path = join(store.path, 'x'.repeat(120))
  await expect(store.open({ path })).rejects.toThrow(/has 1\d\d bytes, a socket's path has at most 103/)
})

describe('a process that takes the place of another', () => {
  it('reads along, and writes when the other has let go', async () => {
    const old = await store.open()
    await put(old, 'routes/1', '1')
    const next = await store.open({ follow: true })
    expect(next.writable).toBe(false)
    expect(contentOf(await next.snapshot())).toEqual({ 'routes/1': '1' })
    const recorder = new Recorder()
    next.watch(1, recorder)
    await recorder.reached(await put(old, 'routes/2', '2'))

    // Waits for the other one.
    const waiting = put(next, 'routes/3', '3')
    await put(old, 'routes/4', '4')
    await old.close()
    expect(await waiting).toBe(4)
    expect(next.writable).toBe(true)
    await recorder.reached(4)
    expect(recorder.eventKeys()).toEqual(['routes/2', 'routes/4', 'routes/3'])
    await expect(store.open()).rejects.toThrow('in use by this process')
  })

  it('minds the times to live from then on', async () => {
    const clock = new FakeClock()
    const old = await store.open({ clock })
    await old.commit([{ key: 'routes/1', value: '1', ttlSeconds: 60 }], [], AUTHOR)
    const next = await store.open({ clock, follow: true })
    const recorder = new Recorder()
    next.watch(1, recorder)
    await old.close()
    await put(next, 'routes/2', '2')
    clock.pass(60_000)
    await recorder.reached(3)
    expect(recorder.eventKeys()).toEqual(['routes/2', 'routes/1'])
  })

  it('may be closed before, and leaves the other alone', async () => {
    const old = await store.open()
    const next = await store.open({ follow: true })
    const waiting = put(next, 'routes/1', '1')
    const refused = expect(waiting).rejects.toThrow('was closed')
    await next.close()
    await put(old, 'routes/2', '2')
    await old.close()
    await refused
    expect(existsSync(join(store.path, LOCK_SOCKET))).toBe(false)
    expect(contentOf(await (await store.open()).snapshot())).toEqual({ 'routes/2': '2' })
  })
})
