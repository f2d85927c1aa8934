import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { contentOf } from '../backend/testing/backend-contract.ts'
import { Recorder } from '../backend/testing/recorder.ts'
import { MAX_PENDING_COMMITS } from './commit-queue.ts'
import { EmbeddedDatabase } from './database.ts'
import { DATA_FILE, LOCK_SOCKET, readEmbedded } from './embedded-backend.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { AUTHOR, put, TemporaryStore } from './testing/temporary-store.ts'

let store: TemporaryStore
beforeEach(async () => {
  store = await TemporaryStore.create()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await store.dispose()
})

describe('files', () => {
  it('are for the owner alone', async () => {
    const path = join(store.path, 'new', 'data')
    const backend = await store.open({ path })
    await put(backend, 'routes/1', '{}')
    const modes = ['', DATA_FILE, `${DATA_FILE}-lock`, LOCK_SOCKET].map(
      (name) => statSync(join(path, name)).mode & 0o777,
    )
    expect(modes.map((mode) => mode.toString(8))).toEqual(['700', '600', '600', '600'])
  })

  it('can be read by a tool while the store is in use', async () => {
    const backend = await store.open()
    await put(backend, 'routes/1', '{"a":1}')
    expect(contentOf(await readEmbedded(store.path))).toEqual({ 'routes/1': '{"a":1}' })
    await put(backend, 'routes/2', '{}')
    expect((await readEmbedded(store.path)).revision).toBe(2)
  })
})

describe('commits that come in one turn', () => {
  it('share a transaction, and each is a revision of its own', async () => {
    const backend = await store.open()
    const write = vi.spyOn(EmbeddedDatabase.prototype, 'write')
    const revisions = await Promise.all(Array.from({ length: 50 }, (_, index) => put(backend, `routes/${index}`, '{}')))
    expect(revisions).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
    expect(write).toHaveBeenCalledTimes(1)
  })

  it('see what those before them wrote', async () => {
    const backend = await store.open()
    const condition = [{ key: 'routes/1', revision: 0 }] as const
    const results = await Promise.all(
      ['a', 'b'].map((value) => backend.commit([{ key: 'routes/1', value }], condition, AUTHOR)),
    )
    expect(results).toEqual([{ revision: 1 }, { conflict: 'routes/1' }])
  })

  it('do not suffer from one that fails', async () => {
    const backend = await store.open()
    await put(backend, 'routes/bad', '{}')
    vi.spyOn(EmbeddedDatabase.prototype, 'removeDocument').mockImplementation(() => {
      throw new Error('Input/output error')
    })
    const results = await Promise.allSettled([
      put(backend, 'routes/1', '{}'),
      put(backend, 'routes/bad', undefined),
      put(backend, 'routes/2', '{}'),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const { revision, documents } = await backend.snapshot()
    expect([revision, ...documents.keys()]).toEqual([3, 'routes/1', 'routes/2', 'routes/bad'])
  })

  it('are refused when too many wait', async () => {
    const backend = await store.open()
    const waiting = Array.from({ length: MAX_PENDING_COMMITS + 2 }, () => put(backend, 'routes/1', '{}'))
    const results = await Promise.allSettled(waiting)
    const refused = results.filter((result) => result.status === 'rejected')
    expect(refused).toHaveLength(2)
    expect(String(refused[0]!.reason)).toContain(`${MAX_PENDING_COMMITS} commits of`)
    expect((await backend.snapshot()).revision).toBe(MAX_PENDING_COMMITS)
  })
})

describe('a disk that fails', () => {
  it('refuses the commit with words, tells nobody, and goes on when it is well again', async () => {
    const backend = await store.open()
    const recorder = new Recorder()
    backend.watch(0, recorder)
    const write = vi.spyOn(EmbeddedDatabase.prototype, 'write').mockImplementationOnce(() => {
      throw new Error('No space left on device')
    })
    await expect(put(backend, 'routes/1', '{}')).rejects.toThrow(
      /nothing was written to .*: No space left on device\. Look for a full disk/,
    )
    expect(write).toHaveBeenCalledTimes(1)
    await recorder.reached(await put(backend, 'routes/2', '{}'))
    expect(recorder.eventKeys()).toEqual(['routes/2'])
  })
})

describe('listeners', () => {
  it('that throw are reported, and keep nothing from the others', async () => {
    const problems: unknown[] = []
    const backend = await store.open({ onProblem: (error) => problems.push(error) })
    const recorder = new Recorder()
    const failure = new Error('mine')
    backend.watch(0, {
      onChange: () => {
        throw failure
      },
      onResync: () => undefined,
      onState: () => undefined,
    })
    backend.watch(0, recorder)
    await recorder.reached(await put(backend, 'routes/1', '{}'))
    expect(problems).toEqual([failure])
  })

  it('are told before the commit resolves', async () => {
    const backend = await store.open()
    const recorder = new Recorder()
    backend.watch(0, recorder)
    await put(backend, 'routes/1', '{}')
    expect(recorder.revision).toBe(1)
  })

  it('get a snapshot when the history does not reach back far enough', async () => {
    const backend = await store.open({ history: { entries: 2 } })
    for (let index = 0; index < 6; index++) await put(backend, `routes/${index}`, `${index}`)
    const recorder = new Recorder()
    backend.watch(1, recorder)
    await recorder.reached(6)
    expect(recorder.changes).toEqual([])
    expect(recorder.resyncs.map(({ revision }) => revision)).toEqual([6])
    await recorder.reached(await put(backend, 'routes/7', '7'))
    expect(recorder.changes.map(({ revision }) => revision)).toEqual([7])
  })

  it('get a snapshot when they are ahead of a store that was restored', async () => {
    const backend = await store.open()
    await put(backend, 'routes/1', '1')
    const recorder = new Recorder()
    backend.watch(1_000, recorder)
    await recorder.until(() => recorder.resyncs.length > 0)
    expect(contentOf(recorder.resyncs[0]!)).toEqual({ 'routes/1': '1' })
  })
})

describe('history', () => {
  it('keeps as many entries as it is told', async () => {
    const backend = await store.open({ history: { entries: 3 } })
    for (let index = 0; index < 10; index++) await put(backend, 'routes/1', `${index}`)
    expect((await backend.history({ limit: 100 })).map(({ revision }) => revision)).toEqual([10, 9, 8])
    expect(contentOf((await backend.at(7))!)).toEqual({ 'routes/1': '6' })
    expect(await backend.at(6)).toBeUndefined()
  })

  it('forgets what is too old, with the next commit', async () => {
    const clock = new FakeClock()
    const backend = await store.open({ clock, history: { ageMs: 10_000 } })
    await put(backend, 'routes/1', '1')
    clock.pass(6_000)
    await put(backend, 'routes/1', '2')
    clock.pass(6_000)
    await put(backend, 'routes/1', '3')
    expect((await backend.history({ limit: 100 })).map(({ revision }) => revision)).toEqual([3, 2])
  })

  it('has a limit of bytes, and always the newest entry', async () => {
    const backend = await store.open({ history: { bytes: 5_000 } })
    for (let index = 0; index < 10; index++) await put(backend, `routes/${index}`, `"${'x'.repeat(1_000)}"`)
    const kept = await backend.history({ limit: 100 })
    expect(kept.length).toBeGreaterThan(2)
    expect(kept.length).toBeLessThan(6)
    await put(backend, 'routes/large', `"${'x'.repeat(100_000)}"`)
    expect((await backend.history({ limit: 100 })).map(({ revision }) => revision)).toEqual([11])
  })

  it('is of the same file after limits were lowered', async () => {
    const many = await store.open()
    for (let index = 0; index < 250; index++) void put(many, 'routes/1', `${index}`)
    await put(many, 'routes/1', 'last')
    await many.close()
    const backend = await store.open({ history: { entries: 5 } })
    for (let index = 0; index < 3; index++) await put(backend, 'routes/1', `${index}`)
    expect(await backend.history({ limit: 1_000 })).toHaveLength(5)
    expect((await backend.history({ limit: 1 }))[0]).toMatchObject({ revision: 254, author: AUTHOR })
  })
})

describe('times to live', () => {
  it('are over before anybody reads a store that was closed meanwhile', async () => {
    const clock = new FakeClock()
    const first = await store.open({ clock })
    await first.commit([{ key: 'routes/1', value: '{}', ttlSeconds: 3_600 }], [], AUTHOR)
    await first.close()
    clock.pass(3_600_000)
    const backend = await store.open({ clock })
    expect((await backend.snapshot()).documents.size).toBe(0)
    const [newest] = await backend.history({ limit: 1 })
    expect(newest).toMatchObject({ revision: 2, author: undefined, changes: [{ key: 'routes/1', before: '{}' }] })
  })

  it('are tried again when the disk failed', async () => {
    const clock = new FakeClock()
    const problems: unknown[] = []
    const backend = await store.open({ clock, onProblem: (error) => problems.push(error) })
    const recorder = new Recorder()
    backend.watch(0, recorder)
    await backend.commit([{ key: 'routes/1', value: '{}', ttlSeconds: 60 }], [], AUTHOR)
    vi.spyOn(EmbeddedDatabase.prototype, 'write').mockImplementationOnce(() => {
      throw new Error('No space left on device')
    })
    clock.pass(60_000)
    await vi.waitUntil(() => problems.length === 1)
    clock.pass(1_000)
    await recorder.until(() => recorder.revision === 2)
    expect((await backend.snapshot()).documents.size).toBe(0)
    expect(clock.timers).toBe(1)
  })
})
