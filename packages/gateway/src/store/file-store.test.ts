import { loadConfig } from '../config/load.ts'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConfigProblem } from '../config/problem.ts'
import { testPlugins } from '../config/testing/plugins.ts'
import { ConfigError, FileStore, type FileStoreOptions } from './file-store.ts'
import { type WatchFile, watchFile } from './file-watcher.ts'
import type { Change } from './store.ts'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-store-'))
  file = join(folder, 'sekisho.yaml')
})
afterEach(() => rmSync(folder, { recursive: true }))

const one = 'routes:\n  - { id: 1, uri: /a, upstream: "http://a" }\n'
const two = `${one}  - { id: 2, uri: /b, upstream: "http://b" }\n`
const bad = `${one}  - { id: 2, uri: b, upstream: "http://b" }\n`

/** A store whose file system watch is the test's. */
function storeOf(options: Partial<FileStoreOptions> = {}) {
  const events = { changed: (): void => undefined, failed: (_error: Error): void => undefined, watching: 0 }
  const fake: WatchFile = (_file, changed, failed) => {
    Object.assign(events, { changed, failed })
    events.watching++
    return () => events.watching--
  }
  const store = new FileStore(file, {
    load: (path) => loadConfig(path, { plugins: testPlugins, environment: {} }),
    watchFile: fake,
    ...options,
  })
  return { store, events }
}

describe('loading', () => {
  test('gives the resources as revision 1', async () => {
    writeFileSync(file, one)
    const { store } = storeOf()
    const { revision, resources } = await store.load()
    expect(revision).toBe(1)
    expect([...resources.routes.keys()]).toEqual(['1'])
    expect(store.settings?.listen[0]?.port).toBe(8080)
  })

  test('a bad file is an error that holds the problems', async () => {
    writeFileSync(file, bad)
    const failed: unknown = await storeOf()
      .store.load()
      .catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(ConfigError)
    expect((failed as ConfigError).problems).toMatchObject([{ path: '/routes/1/uri', line: 3 }])
  })
})

describe('reloading', () => {
  test('tells the change, from revision to revision', async () => {
    writeFileSync(file, one)
    const { store } = storeOf()
    await store.load()
    const changes: Change[] = []
    store.watch((change) => changes.push(change))
    writeFileSync(file, two)
    const { change } = await store.reload()
    expect(change).toMatchObject({
      revision: 2,
      from: 1,
      operations: [{ kind: 'routes', id: '2', value: { uri: '/b' } }],
    })
    expect(changes).toEqual([change])
    writeFileSync(file, one)
    await store.reload()
    expect(changes[1]).toEqual({ revision: 3, from: 2, operations: [{ kind: 'routes', id: '2', value: undefined }] })
    expect((await store.load()).revision).toBe(3)
  })

  test('a bad file is refused whole, and the old one goes on', async () => {
    writeFileSync(file, one)
    const { store } = storeOf()
    const { resources } = await store.load()
    const changes: Change[] = []
    store.watch((change) => changes.push(change))
    writeFileSync(file, bad)
    const { problems } = await store.reload()
    expect(problems).toMatchObject([{ path: '/routes/1/uri' }])
    expect(changes).toEqual([])
    expect(await store.load()).toEqual({ revision: 1, resources })
  })

  test('the same content is no change', async () => {
    writeFileSync(file, one)
    const { store } = storeOf()
    await store.load()
    writeFileSync(file, `# other words\n${one}`)
    expect(await store.reload()).toEqual({ change: undefined })
  })

  test('changed settings are told apart from resources', async () => {
    writeFileSync(file, one)
    const settings: number[] = []
    const { store } = storeOf({ onSettings: ({ listen }) => settings.push(listen[0]!.port) })
    await store.load()
    writeFileSync(file, `listen: [9000]\n${one}`)
    expect(await store.reload()).toEqual({ change: undefined })
    expect(settings).toEqual([9000])
  })

  test('reloads at the same time run one after the other', async () => {
    writeFileSync(file, one)
    const { store } = storeOf()
    await store.load()
    writeFileSync(file, two)
    const [first, second] = await Promise.all([store.reload(), store.reload()])
    expect(first.change?.revision).toBe(2)
    expect(second).toEqual({ change: undefined })
  })

  test('a closed store tells nothing more', async () => {
    writeFileSync(file, one)
    const { store, events } = storeOf()
    await store.load()
    store.watch(() => expect.unreachable())
    await store.close()
    writeFileSync(file, two)
    expect(await store.reload()).toEqual({ change: undefined })
    expect(events.watching).toBe(0)
  })
})

describe('watching', () => {
  /** The next thing that the store reports by itself. */
  function reports(): { options: Partial<FileStoreOptions>; next: () => Promise<readonly ConfigProblem[]> } {
    const waiting: ((problems: readonly ConfigProblem[]) => void)[] = []
    return {
      options: { onProblem: (problems) => waiting.shift()?.(problems) },
      next: () => new Promise((resolve) => waiting.push(resolve)),
    }
  }

  test('an event reads the file; a bad one is reported', async () => {
    writeFileSync(file, one)
    const { options, next } = reports()
    const { store, events } = storeOf(options)
    await store.load()
    const changed = new Promise<Change>((resolve) => store.watch(resolve))
    writeFileSync(file, two)
    events.changed()
    expect(await changed).toMatchObject({ revision: 2 })
    const problems = next()
    writeFileSync(file, bad)
    events.changed()
    expect(await problems).toMatchObject([{ path: '/routes/1/uri' }])
    const missing = next()
    rmSync(file)
    events.changed()
    expect(await missing).toMatchObject([{ message: 'does not exist' }])
  })

  test('an event without a change of content is ignored', async () => {
    writeFileSync(file, one)
    let loads = 0
    const load = (path: string) => {
      loads++
      return loadConfig(path, { plugins: testPlugins, environment: {} })
    }
    const { store, events } = storeOf({ load })
    await store.load()
    store.watch(() => expect.unreachable())
    events.changed()
    await store.close()
    expect(loads).toBe(1)
  })

  test('a listener that throws, and a watch that fails, are reported', async () => {
    writeFileSync(file, one)
    const { options, next } = reports()
    const { store, events } = storeOf(options)
    await store.load()
    store.watch(() => {
      throw new Error('no memory')
    })
    const thrown = next()
    writeFileSync(file, two)
    events.changed()
    expect(await thrown).toMatchObject([{ file, message: 'could not be applied: no memory' }])
    const failed = next()
    events.failed(new Error('EMFILE'))
    expect(await failed).toMatchObject([{ message: 'can no longer be watched: EMFILE', remedy: 'reload by SIGHUP' }])
  })

  test('the watch lasts as long as somebody listens', async () => {
    writeFileSync(file, one)
    const { store, events } = storeOf()
    const stopFirst = store.watch(() => undefined)
    const stopSecond = store.watch(() => undefined)
    expect(events.watching).toBe(1)
    stopFirst()
    expect(events.watching).toBe(1)
    stopSecond()
    expect(events.watching).toBe(0)
  })

  test('the file system: a file renamed over the old one is seen, as editors save', async () => {
    writeFileSync(file, one)
    const { store } = storeOf({ watchFile })
    await store.load()
    for (const [revision, content] of [
      [2, two],
      [3, one],
    ] as const) {
      const changed = new Promise<Change>((resolve) => {
        const stop = store.watch((change) => {
          resolve(change)
          setImmediate(stop)
        })
      })
      writeFileSync(`${file}.new`, content)
      renameSync(`${file}.new`, file)
      expect(await changed).toMatchObject({ revision })
    }
    await store.close()
  })
})
