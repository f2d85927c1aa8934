import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BackendSnapshot, DocumentKey, StoredDocument } from '../../backend/backend.ts'
import { foreignEntryName, foreignRevisionOf, newEntryName, timeOf } from './entry-name.ts'
import { decodeRecord, encodeRecord, type HistoryRecord, recordedChange } from './record.ts'
import { stateAt } from './state-at.ts'

const SEED = 4

describe('names of entries', () => {
  test('sort by time, and are not made twice', () => {
    const names = [newEntryName(1_763_738_400_000), newEntryName(1_763_738_400_001), newEntryName(99_999)]
    expect(names.toSorted()).toEqual([names[2], names[0], names[1]])
    expect(newEntryName(1)).not.toBe(newEntryName(1))
    expect(timeOf(newEntryName(1_763_738_400_000))).toBe(1_763_738_400_000)
    expect(foreignRevisionOf(newEntryName(1))).toBeUndefined()
  })

  test('of changes that others made carry the revision', () => {
    expect(foreignRevisionOf(foreignEntryName(42))).toBe(42)
    expect(timeOf(foreignEntryName(42))).toBeUndefined()
    expect(foreignEntryName(9) < foreignEntryName(10)).toBe(true)
    expect(newEntryName(Date.now()) < foreignEntryName(1)).toBe(true)
  })
})

describe('records', () => {
  const record: HistoryRecord = {
    time: 1,
    author: { who: 'ops', from: '::1', comment: 'é' },
    changes: [{ key: 'routes/1', before: 'a', revision: 1, createRevision: 1, after: 'b', lease: '123' }],
  }

  test('short ones are JSON that etcdctl shows, long ones are compressed; both are read', async () => {
    const short = await encodeRecord(record)
    expect(JSON.parse(Buffer.from(short).toString())).toEqual(record)
    expect(await decodeRecord(short)).toEqual(record)
    const long = { ...record, changes: [recordedChange('routes/1', undefined, 'x'.repeat(100_000))] }
    const encoded = await encodeRecord(long)
    expect(encoded.length).toBeLessThan(1_000)
    expect(await decodeRecord(encoded)).toEqual(long)
  })

  test.each(['', 'x', '{}', '[]', 'null', '{"time":1}', '{"time":1,"changes":[1]}', '{"parts":0}', '\0x', '\0'])(
    '%j is none',
    async (text) => expect(await decodeRecord(Buffer.from(text))).toBeUndefined(),
  )
})

describe('going back', () => {
  /** What a store does, with the history of it. */
  function play(steps: readonly (readonly [number, number | undefined])[]) {
    const documents = new Map<DocumentKey, StoredDocument>()
    const states: BackendSnapshot[] = [{ revision: 1, documents: new Map() }]
    const entries: { readonly revision: number; readonly record: HistoryRecord }[] = []
    for (const [index, [id, content]] of steps.entries()) {
      const revision = index + 2
      const key: DocumentKey = `routes/${id}`
      const before = documents.get(key)
      const value = content === undefined ? undefined : String(content)
      if (value === undefined) documents.delete(key)
      else documents.set(key, { key, value, revision, createRevision: before?.createRevision ?? revision })
      entries.unshift({ revision, record: { time: 0, changes: [recordedChange(key, before, value)] } })
      states.push({ revision, documents: new Map(documents) })
    }
    return { states, entries }
  }

  const step = fc.tuple(fc.nat(3), fc.option(fc.nat(5), { nil: undefined }))

  test(`leads to every state there was (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const { states, entries } = play(steps)
        const now = states.at(-1) as BackendSnapshot
        for (const state of states) {
          const newer = entries.filter(({ revision }) => revision > state.revision)
          expect(stateAt(state.revision, now, newer)).toEqual(state)
        }
      }),
      { seed: SEED, numRuns: 200 },
    )
  })

  test('says nothing where the history does not fit', () => {
    const { states, entries } = play([
      [1, 1],
      [1, 2],
      [1, 3],
    ])
    const now = states.at(-1) as BackendSnapshot
    expect(stateAt(1, now, [entries[0], entries[2]] as typeof entries)).toBeUndefined()
    expect(stateAt(1, now, entries.slice(0, 1))).toBeUndefined()
  })
})
