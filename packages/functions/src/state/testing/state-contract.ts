import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StateRecord, StateStore } from '../state-store.ts'

/** A store of one test, empty at first. */
export interface StateHarness {
  /** Opens it, again when it was closed. */
  open(): Promise<StateStore>
  /** Removes it; it was closed. */
  dispose(): Promise<void>
}

/** What every StateStore promises, whatever it keeps records in. */
export function describeState(
  name: string,
  createHarness: () => Promise<StateHarness>,
  { durable = true }: { readonly durable?: boolean } = {},
): void {
  describe(`${name}: contract of a state store`, () => {
    let harness: StateHarness
    let store: StateStore
    beforeEach(async () => {
      harness = await createHarness()
      store = await harness.open()
    })
    afterEach(async () => {
      await store.close()
      await harness.dispose()
    })

    it('starts empty', async () => {
      expect(await store.list('')).toEqual([])
      expect(await store.get('functions/a')).toBeUndefined()
    })

    it('gives back what was written, byte by byte', async () => {
      const values = ['{"a":1}', '', '\n', '5\n6', '{ "é" : "関所 😀" }', 'x'.repeat(200_000)]
      for (const [index, value] of values.entries()) await store.commit([{ key: `functions/${index}`, value }])
      expect((await store.list('functions/')).map(({ value }) => value)).toEqual(values)
      expect((await store.get('functions/3'))?.value).toBe('5\n6')
    })

    it('lists by prefix, in the order of keys', async () => {
      for (const key of ['b/2', 'a/10', 'a/2', 'ab/1', 'a/é', 'c']) await store.commit([{ key, value: key }])
      expect((await store.list('a/')).map(({ key }) => key)).toEqual(['a/10', 'a/2', 'a/é'])
      expect((await store.list('a')).map(({ key }) => key)).toEqual(['a/10', 'a/2', 'a/é', 'ab/1'])
      expect(await store.list('d')).toEqual([])
    })

    it('raises the revision of what is written, and of nothing else', async () => {
      await store.commit([{ key: 'a', value: '1' }])
      await store.commit([{ key: 'b', value: '1' }])
      const [a, b] = await store.list('')
      expect(a!.revision).toBeGreaterThan(0)
      expect(b!.revision).toBeGreaterThan(a!.revision)
      await store.commit([{ key: 'a', value: '1' }])
      expect((await store.get('a'))!.revision).toBeGreaterThan(b!.revision)
      expect((await store.get('b'))!.revision).toBe(b!.revision)
    })

    it('gives all records of a commit the same revision', async () => {
      await store.commit([
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ])
      const [a, b] = await store.list('')
      expect(a!.revision).toBe(b!.revision)
    })

    it('deletes, and counts from anew what comes again', async () => {
      await store.commit([{ key: 'a', value: '1' }])
      const { revision } = (await store.get('a'))!
      await store.commit([{ key: 'a', value: undefined }])
      expect(await store.get('a')).toBeUndefined()
      expect(await store.commit([{ key: 'a', value: '2' }], [{ key: 'a', revision }])).toBe(false)
      expect(await store.commit([{ key: 'a', value: '2' }], [{ key: 'a', revision: 0 }])).toBe(true)
      expect((await store.get('a'))!.revision).toBeGreaterThan(revision)
    })

    it('writes all or nothing', async () => {
      await store.commit([{ key: 'a', value: '1' }])
      const { revision } = (await store.get('a'))!
      const writes = [
        { key: 'a', value: '2' },
        { key: 'b', value: '2' },
      ]
      expect(
        await store.commit(writes, [
          { key: 'a', revision },
          { key: 'b', revision: 7 },
        ]),
      ).toBe(false)
      expect((await store.list('')).map(({ value }) => value)).toEqual(['1'])
      expect(
        await store.commit(writes, [
          { key: 'a', revision },
          { key: 'b', revision: 0 },
        ]),
      ).toBe(true)
      expect((await store.list('')).map(({ value }) => value)).toEqual(['2', '2'])
    })

    it('lets one of many writers with the same condition through', async () => {
      await store.commit([{ key: 'a', value: 'start' }])
      const { revision } = (await store.get('a'))!
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          store.commit([{ key: 'a', value: String(index) }], [{ key: 'a', revision }]),
        ),
      )
      expect(outcomes.filter(Boolean)).toHaveLength(1)
      expect((await store.get('a'))!.value).toBe(String(outcomes.indexOf(true)))
    })

    it('loses no commit among many at a time', async () => {
      await Promise.all(
        Array.from({ length: 300 }, (_, index) => store.commit([{ key: `q/${index}`, value: `${index}` }])),
      )
      const records = await store.list('q/')
      expect(records).toHaveLength(300)
      for (const { key, value } of records) expect(key).toBe(`q/${value}`)
    })

    it('checks conditions without writing', async () => {
      expect(await store.commit([], [{ key: 'a', revision: 0 }])).toBe(true)
      expect(await store.commit([], [{ key: 'a', revision: 1 }])).toBe(false)
    })

    it('tells watchers in order, before the commit resolves', async () => {
      const seen: [string, StateRecord | undefined][] = []
      const stop = store.watch('a/', (key, record) => seen.push([key, record]))
      await store.commit([
        { key: 'a/1', value: 'x' },
        { key: 'b/1', value: 'x' },
        { key: 'a/2', value: 'y' },
      ])
      expect(seen.map(([key, record]) => [key, record?.value])).toEqual([
        ['a/1', 'x'],
        ['a/2', 'y'],
      ])
      expect(seen[0]![1]).toEqual(await store.get('a/1'))
      await store.commit([{ key: 'a/1', value: undefined }])
      expect(seen[2]).toEqual(['a/1', undefined])
      stop()
      await store.commit([{ key: 'a/3', value: 'z' }])
      expect(seen).toHaveLength(3)
    })

    it('tells nobody of what did not happen', async () => {
      const seen: string[] = []
      const stop = store.watch('', (key) => seen.push(key))
      await store.commit([{ key: 'a', value: '1' }], [{ key: 'a', revision: 5 }])
      await store.commit([{ key: 'a', value: undefined }])
      expect(seen).toEqual([])
      stop()
    })

    it('refuses what it cannot keep', async () => {
      await expect(store.commit([{ key: '', value: '' }])).rejects.toThrow(/no key/)
      await expect(store.commit([{ key: 'a\0b', value: '' }])).rejects.toThrow(/no key/)
      await expect(store.commit([{ key: 'a'.repeat(600), value: '' }])).rejects.toThrow(/no key/)
      await expect(store.commit([{ key: 'a', value: 'x'.repeat(3_000_000) }])).rejects.toThrow(/at most/)
      await expect(
        store.commit([
          { key: 'a', value: '1' },
          { key: 'a', value: '2' },
        ]),
      ).rejects.toThrow(/twice/)
      expect(await store.list('')).toEqual([])
    })

    it('refuses to work when it is closed, and may be closed twice', async () => {
      await store.close()
      await store.close()
      await expect(store.get('a')).rejects.toThrow(/closed/)
      await expect(store.commit([{ key: 'a', value: '1' }])).rejects.toThrow(/closed/)
    })

    if (durable)
      it('has everything after it was opened again, and goes on counting', async () => {
        await store.commit([{ key: 'a', value: '1' }])
        const { revision } = (await store.get('a'))!
        const late = store.commit([{ key: 'b', value: '2' }])
        await store.close()
        expect(await late).toBe(true)
        store = await harness.open()
        expect((await store.list('')).map(({ key, value }) => [key, value])).toEqual([
          ['a', '1'],
          ['b', '2'],
        ])
        expect((await store.get('a'))!.revision).toBe(revision)
        await store.commit([{ key: 'c', value: '3' }])
        expect((await store.get('c'))!.revision).toBeGreaterThan((await store.get('b'))!.revision)
      })
  })
}
