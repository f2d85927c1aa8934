import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Author, BackendSnapshot, DocumentKey, StoreBackend } from '../backend.ts'
import { Recorder } from './recorder.ts'

/** A store of one test, empty at first. */
export interface BackendHarness {
  /** A backend on it. Several at a time only where several processes may write the store. */
  open(): Promise<StoreBackend>
  /** Lets so much time pass for the store; real or not. */
  passSeconds(seconds: number): Promise<void> | void
  /** Closes what is still open and removes the store. */
  dispose(): Promise<void>
}

const AUTHOR: Author = { who: 'ops', from: '127.0.0.1', comment: 'a test' }

/** What every StoreBackend promises, whatever it keeps documents in. */
export function describeBackend(name: string, createHarness: () => Promise<BackendHarness>): void {
  describe(`${name}: contract of a store backend`, () => {
    let harness: BackendHarness
    let backend: StoreBackend
    const stops: (() => void)[] = []

    beforeEach(async () => {
      harness = await createHarness()
      backend = await harness.open()
    })
    afterEach(async () => {
      for (const stop of stops.splice(0)) stop()
      await backend.close()
      await harness.dispose()
    })

    const put = async (key: DocumentKey, value: string | undefined): Promise<number> =>
      revisionOf(await commit(key, value))
    const commit = (key: DocumentKey, value: string | undefined) => backend.commit([{ key, value }], [], AUTHOR)
    const watch = (after: number, from = backend): Recorder => {
      const recorder = new Recorder()
      stops.push(from.watch(after, recorder))
      return recorder
    }

    describe('commit and snapshot', () => {
      it('starts empty', async () => {
        expect((await backend.snapshot()).documents.size).toBe(0)
      })

      it('gives back what was written, byte by byte', async () => {
        const values = ['{"uri":"/a"}', '{ "uri" : "/é/関所/😀" }', '', '\n"\\u0000"', `"${'x'.repeat(100_000)}"`]
        for (const [index, value] of values.entries()) await put(`routes/${index}`, value)
        const { documents } = await backend.snapshot()
        expect(values.map((_, index) => documents.get(`routes/${index}`)?.value)).toEqual(values)
      })

      it('knows the revision that made a document and the one that changed it last', async () => {
        const first = await put('routes/1', '{"a":1}')
        const second = await put('routes/1', '{"a":2}')
        expect(second).toBeGreaterThan(first)
        const snapshot = await backend.snapshot()
        expect(snapshot.revision).toBeGreaterThanOrEqual(second)
        expect(snapshot.documents.get('routes/1')).toEqual({
          key: 'routes/1',
          value: '{"a":2}',
          createRevision: first,
          revision: second,
        })
      })

      it('counts from anew what was deleted and comes again', async () => {
        await put('routes/1', '{"a":1}')
        await put('routes/1', undefined)
        expect((await backend.snapshot()).documents.has('routes/1')).toBe(false)
        const third = await put('routes/1', '{"a":3}')
        expect((await backend.snapshot()).documents.get('routes/1')).toMatchObject({
          createRevision: third,
          revision: third,
        })
      })

      it('gives all documents of a commit the same revision', async () => {
        const revision = revisionOf(
          await backend.commit(
            [
              { key: 'upstreams/1', value: '{"u":1}' },
              { key: 'routes/1', value: '{"r":1}' },
            ],
            [],
            AUTHOR,
          ),
        )
        const { documents } = await backend.snapshot()
        expect([...documents.values()].map((document) => document.revision)).toEqual([revision, revision])
      })

      it('keeps everything when it is closed and opened', async () => {
        await put('routes/1', '{"a":1}')
        await put('routes/2', '{"a":2}')
        const before = await backend.snapshot()
        await backend.close()
        backend = await harness.open()
        expect(contentOf(await backend.snapshot())).toEqual(contentOf(before))
        expect(await put('routes/3', '{}')).toBeGreaterThan(before.revision)
      })
    })

    describe('conditions', () => {
      it('writes when the document is at the revision', async () => {
        const first = await put('routes/1', '{"a":1}')
        const write = [{ key: 'routes/1', value: '{"a":2}' }] as const
        expect(await backend.commit(write, [{ key: 'routes/1', revision: first }], AUTHOR)).toHaveProperty('revision')
      })

      it('writes nothing at all when one does not hold, and names it', async () => {
        const first = await put('routes/1', '{"a":1}')
        await put('routes/1', '{"a":2}')
        const result = await backend.commit(
          [
            { key: 'routes/0', value: '{}' },
            { key: 'routes/1', value: '{"a":3}' },
          ],
          [
            { key: 'routes/0', revision: 0 },
            { key: 'routes/1', revision: first },
          ],
          AUTHOR,
        )
        expect(result).toEqual({ conflict: 'routes/1' })
        expect(contentOf(await backend.snapshot())).toEqual({ 'routes/1': '{"a":2}' })
      })

      it('takes 0 for "not there"', async () => {
        const write = [{ key: 'routes/1', value: '{}' }] as const
        const absent = [{ key: 'routes/1', revision: 0 }] as const
        expect(await backend.commit(write, absent, AUTHOR)).toHaveProperty('revision')
        expect(await backend.commit(write, absent, AUTHOR)).toEqual({ conflict: 'routes/1' })
        await put('routes/1', undefined)
        expect(await backend.commit(write, absent, AUTHOR)).toHaveProperty('revision')
      })

      it('may be about documents that are not written', async () => {
        const first = await put('upstreams/1', '{}')
        const write = [{ key: 'routes/1', value: '{"upstream_id":1}' }] as const
        const held = [{ key: 'upstreams/1', revision: first }] as const
        expect(await backend.commit(write, held, AUTHOR)).toHaveProperty('revision')
        await put('upstreams/1', undefined)
        expect(await backend.commit(write, held, AUTHOR)).toEqual({ conflict: 'upstreams/1' })
      })

      it('lets one of many win that start from the same revision', async () => {
        let revision = await put('routes/1', '0')
        for (let round = 1; round <= 5; round++) {
          const results = await Promise.all(
            Array.from({ length: 8 }, (_, index) =>
              backend.commit(
                [{ key: 'routes/1', value: `${round}.${index}` }],
                [{ key: 'routes/1', revision }],
                AUTHOR,
              ),
            ),
          )
          const winners = results.flatMap((result, index) => (result.revision === undefined ? [] : [index]))
          expect(winners).toHaveLength(1)
          revision = results[winners[0]!]!.revision!
          expect(contentOf(await backend.snapshot())).toEqual({ 'routes/1': `${round}.${winners[0]}` })
        }
      })
    })

    describe('what is refused', () => {
      it.each([
        ['a document above the limit', 'routes/1', `"${'x'.repeat(1.5 * 1024 * 1024)}"`],
        ['a key without an id', 'routes/', '{}'],
        ['a key that is too long', `routes/${'x'.repeat(600)}`, '{}'],
        ['half a surrogate pair', 'routes/1', '"\ud800"'],
      ])('%s', async (_, key, value) => {
        await expect(commit(key as DocumentKey, value)).rejects.toThrow(/\w{3}/)
        expect((await backend.snapshot()).documents.size).toBe(0)
      })

      it('two writes of one document in one commit', async () => {
        const twice = [
          { key: 'routes/1', value: '1' },
          { key: 'routes/1', value: '2' },
        ] as const
        await expect(backend.commit(twice, [], AUTHOR)).rejects.toThrow('routes/1')
        expect((await backend.snapshot()).documents.size).toBe(0)
      })
    })

    describe('watch', () => {
      it('tells of each change once, in order', async () => {
        const { revision } = await backend.snapshot()
        const recorder = watch(revision)
        const revisions: number[] = []
        for (let index = 0; index < 20; index++) revisions.push(await put(`routes/${index % 3}`, `${index}`))
        await recorder.reached(revisions.at(-1)!)
        expect(recorder.changes.map((change) => change.revision)).toEqual(revisions)
        expect(recorder.changes.map(({ events }) => events[0]!.document?.value)).toEqual(
          revisions.map((_, index) => `${index}`),
        )
        expect(recorder.resyncs).toEqual([])
      })

      it('delivers a commit whole', async () => {
        const { revision } = await backend.snapshot()
        const recorder = watch(revision)
        await put('routes/gone', '{}')
        const done = revisionOf(
          await backend.commit(
            [
              { key: 'upstreams/1', value: '{"u":1}' },
              { key: 'routes/1', value: '{"r":1}' },
              { key: 'routes/gone', value: undefined },
            ],
            [],
            AUTHOR,
          ),
        )
        await recorder.reached(done)
        const change = recorder.changes.at(-1)!
        expect(Object.fromEntries(change.events.map(({ key, document }) => [key, document]))).toEqual({
          'upstreams/1': { key: 'upstreams/1', value: '{"u":1}', createRevision: done, revision: done },
          'routes/1': { key: 'routes/1', value: '{"r":1}', createRevision: done, revision: done },
          'routes/gone': undefined,
        })
      })

      it('starts after a revision of the past', async () => {
        const first = await put('routes/1', '1')
        const second = await put('routes/2', '2')
        const third = await put('routes/1', undefined)
        const recorder = watch(first)
        await recorder.reached(third)
        expect(recorder.changes.map((change) => change.revision)).toEqual([second, third])
        expect(recorder.changes[0]!.events[0]!.document).toEqual({
          key: 'routes/2',
          value: '2',
          createRevision: second,
          revision: second,
        })
        const fourth = await put('routes/4', '4')
        await recorder.reached(fourth)
        expect(recorder.changes.map((change) => change.revision)).toEqual([second, third, fourth])
      })

      it('is quiet about commits that wrote nothing', async () => {
        const first = await put('routes/1', '1')
        const recorder = watch(first)
        await backend.commit([{ key: 'routes/1', value: '2' }], [{ key: 'routes/1', revision: 0 }], AUTHOR)
        await commit('routes/unknown', undefined)
        const last = await put('routes/1', '3')
        await recorder.reached(last)
        expect(recorder.eventKeys()).toEqual(['routes/1'])
      })

      it('ends when it is ended, for that listener alone', async () => {
        const { revision } = await backend.snapshot()
        const stays = watch(revision)
        const ended = new Recorder()
        const stop = backend.watch(revision, ended)
        await stays.reached(await put('routes/1', '1'))
        await ended.reached(stays.revision)
        stop()
        await stays.reached(await put('routes/2', '2'))
        expect(ended.eventKeys()).toEqual(['routes/1'])
        expect(stays.eventKeys()).toEqual(['routes/1', 'routes/2'])
      })

      it('leads every listener to the same documents, with many commits at once', async () => {
        const { revision } = await backend.snapshot()
        const recorder = watch(revision)
        const results = await Promise.all(
          Array.from({ length: 60 }, (_, index) =>
            backend.commit(
              [
                { key: `routes/${index % 7}`, value: index % 5 === 0 ? undefined : `${index}` },
                { key: `upstreams/${index % 3}`, value: `${index}` },
              ],
              [],
              AUTHOR,
            ),
          ),
        )
        const last = Math.max(...results.map(revisionOf))
        await recorder.reached(last)
        const revisions = recorder.changes.map((change) => change.revision)
        expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b))
        const snapshot = await backend.snapshot()
        expect(Object.fromEntries(recorder.documents)).toEqual(Object.fromEntries(snapshot.documents))
      })
    })

    describe('time to live', () => {
      it('deletes the document when it is over, and says so', async () => {
        const { revision } = await backend.snapshot()
        const recorder = watch(revision)
        await backend.commit([{ key: 'routes/short', value: '{}', ttlSeconds: 1 }], [], AUTHOR)
        await put('routes/long', '{}')
        expect((await backend.snapshot()).documents.size).toBe(2)
        await harness.passSeconds(1)
        await recorder.until(() => !recorder.documents.has('routes/short') && recorder.eventKeys().length >= 3)
        expect(recorder.eventKeys()).toEqual(['routes/short', 'routes/long', 'routes/short'])
        expect(contentOf(await backend.snapshot())).toEqual({ 'routes/long': '{}' })
      })

      it('goes on while the store is closed', async () => {
        await backend.commit([{ key: 'routes/short', value: '{}', ttlSeconds: 1 }], [], AUTHOR)
        await put('routes/long', '{}')
        await backend.close()
        await harness.passSeconds(1)
        backend = await harness.open()
        const snapshot = await backend.snapshot()
        const recorder = watch(snapshot.revision)
        await recorder.until(
          () => !snapshot.documents.has('routes/short') || recorder.eventKeys().includes('routes/short'),
        )
        expect(contentOf(await backend.snapshot())).toEqual({ 'routes/long': '{}' })
      })

      it('is ended by a write without one', async () => {
        await backend.commit([{ key: 'routes/1', value: '1', ttlSeconds: 1 }], [], AUTHOR)
        await put('routes/1', '2')
        const { revision } = await backend.snapshot()
        const recorder = watch(revision)
        await backend.commit([{ key: 'routes/2', value: '1', ttlSeconds: 1 }], [], AUTHOR)
        await harness.passSeconds(1)
        await recorder.until(() => recorder.eventKeys().length >= 2)
        expect(contentOf(await backend.snapshot())).toEqual({ 'routes/1': '2' })
      })

      it.each([0, -1, 1.5, Number.NaN])('of %s seconds is refused', async (ttlSeconds) => {
        await expect(backend.commit([{ key: 'routes/1', value: '1', ttlSeconds }], [], AUTHOR)).rejects.toThrow(
          'routes/1',
        )
      })
    })

    describe('history', () => {
      it('has author, time, before and after of each commit, newest first', async () => {
        const started = Date.now()
        const first = await put('routes/1', '{"a":1}')
        const second = revisionOf(
          await backend.commit(
            [
              { key: 'routes/1', value: undefined },
              { key: 'routes/2', value: '{"b":1}' },
            ],
            [],
            { who: 'jane', from: '10.0.0.1' },
          ),
        )
        const history = await backend.history({ limit: 10 })
        expect(history.map(({ revision, author }) => ({ revision, author }))).toEqual([
          { revision: second, author: { who: 'jane', from: '10.0.0.1' } },
          { revision: first, author: AUTHOR },
        ])
        expect(history[0]!.changes).toEqual([
          { key: 'routes/1', before: '{"a":1}', after: undefined },
          { key: 'routes/2', before: undefined, after: '{"b":1}' },
        ])
        expect(history[1]!.changes).toEqual([{ key: 'routes/1', before: undefined, after: '{"a":1}' }])
        // A minute for clocks of other machines.
        for (const { time } of history) expect(Math.abs(time - started)).toBeLessThan(60_000)
      })

      it('is read in pages', async () => {
        const revisions: number[] = []
        for (let index = 0; index < 7; index++) revisions.push(await put('routes/1', `${index}`))
        const seen: number[] = []
        for (let before: number | undefined; ;) {
          const page = await backend.history({ limit: 3, ...(before === undefined ? {} : { before }) })
          if (page.length === 0) break
          expect(page.length).toBeLessThanOrEqual(3)
          seen.push(...page.map(({ revision }) => revision))
          before = seen.at(-1)!
        }
        expect(seen).toEqual(revisions.toReversed())
      })

      it('knows nothing of commits that wrote nothing', async () => {
        const first = await put('routes/1', '1')
        await backend.commit([{ key: 'routes/1', value: '2' }], [{ key: 'routes/1', revision: 0 }], AUTHOR)
        expect((await backend.history({ limit: 10 })).map(({ revision }) => revision)).toEqual([first])
      })

      it('can say what was at each revision', async () => {
        const expected: [number, Record<string, string>][] = []
        const keep = async (revision: number): Promise<void> => {
          expected.push([revision, contentOf(await backend.snapshot())])
        }
        for (let index = 0; index < 10; index++) {
          await keep(await put(`routes/${index % 4}`, `${index}`))
          if (index % 3 === 2) await keep(await put(`routes/${index % 4}`, undefined))
        }
        for (const [revision, content] of expected) {
          const then = await backend.at(revision)
          expect(then?.revision).toBe(revision)
          expect(contentOf(then!)).toEqual(content)
        }
      })

      it('gives documents of the past the revisions that they had', async () => {
        const first = await put('routes/1', '1')
        const second = await put('routes/1', '2')
        await put('routes/1', undefined)
        expect((await backend.at(second))!.documents.get('routes/1')).toEqual({
          key: 'routes/1',
          value: '2',
          createRevision: first,
          revision: second,
        })
      })

      it('does not know the future', async () => {
        const first = await put('routes/1', '1')
        expect(await backend.at(first + 1_000)).toBeUndefined()
      })
    })

    it('refuses everything after it was closed', async () => {
      await put('routes/1', '1')
      await backend.close()
      await expect(commit('routes/2', '2')).rejects.toThrow(/\w{3}/)
      await expect(backend.snapshot()).rejects.toThrow(/\w{3}/)
      await backend.close()
      backend = await harness.open()
      expect(contentOf(await backend.snapshot())).toEqual({ 'routes/1': '1' })
    })
  })
}

export function contentOf(snapshot: BackendSnapshot): Record<string, string> {
  const keys = [...snapshot.documents.keys()].sort()
  return Object.fromEntries(keys.map((key) => [key, snapshot.documents.get(key)!.value]))
}

export function revisionOf(result: {
  readonly revision?: number | undefined
  readonly conflict?: string | undefined
}): number {
  if (result.revision === undefined) throw new Error(`a conflict with ${result.conflict}`)
  return result.revision
}
