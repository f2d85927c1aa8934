import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { applyCommit, type CommitOutcome, type CommitRequest, MAX_STORE_BYTES } from './apply-commit.ts'
import { EmbeddedDatabase } from './database.ts'
import { prepareDataFile } from './data-file.ts'
import { HISTORY_LIMITS } from './history-limits.ts'
import { AUTHOR } from './testing/temporary-store.ts'

let folder: string
let database: EmbeddedDatabase
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sekisho-commit-'))
  const file = join(folder, 'store.mdb')
  await prepareDataFile(file)
  database = await EmbeddedDatabase.open(file)
})
afterEach(async () => {
  await database.close()
  await rm(folder, { recursive: true })
})

/** As the queue does it. */
function commit(writes: CommitRequest['writes']): CommitOutcome {
  let outcome: CommitOutcome | undefined
  database.write(() => {
    const state = database.state()
    outcome = applyCommit(database, state, { writes, conditions: [], author: AUTHOR }, HISTORY_LIMITS, 1_000)
    database.putState(state)
  })
  return outcome!
}

it('counts documents and their bytes', () => {
  commit([
    { key: 'routes/1', value: 'é' },
    { key: 'routes/2', value: '12345' },
  ])
  expect(database.state()).toMatchObject({ documents: 2, documentBytes: 7 })
  commit([
    { key: 'routes/1', value: 'abc' },
    { key: 'routes/2', value: undefined },
  ])
  expect(database.state()).toMatchObject({ documents: 1, documentBytes: 3, revision: 2, firstRevision: 1 })
})

it('refuses what would make the store too large, and lets it become smaller', () => {
  commit([{ key: 'routes/1', value: 'x'.repeat(1_000) }])
  database.write(() => database.putState({ ...database.state(), documentBytes: MAX_STORE_BYTES + 10 }))
  const outcome = commit([{ key: 'routes/2', value: '1' }])
  expect(outcome).toHaveProperty('refused')
  expect((outcome as { refused: Error }).refused.message).toMatch(/at most 536870912: delete what is not in use/)
  expect(commit([{ key: 'routes/1', value: '1' }])).toMatchObject({ revision: 2 })
})

it('is undone with all it wrote when the transaction fails', () => {
  commit([{ key: 'routes/1', value: '1' }])
  const state = database.state()
  expect(() =>
    database.write(() => {
      applyCommit(
        database,
        database.state(),
        { writes: [{ key: 'routes/1', value: '2' }], conditions: [], author: AUTHOR },
        HISTORY_LIMITS,
        1_000,
      )
      expect(database.document('routes/1')?.value).toBe('2')
      throw new Error('the disk is full')
    }),
  ).toThrow('the disk is full')
  expect(database.document('routes/1')?.value).toBe('1')
  expect(database.state()).toEqual(state)
  expect(() => database.historyHeader(2)).toThrow('history 2 is missing')
})

it('keeps a commit of 20,000 documents in one transaction, and its history in parts', () => {
  const writes = Array.from({ length: 20_000 }, (_, index) => ({
    key: `routes/${index}` as const,
    value: `{"n":${index}}`,
  }))
  expect(commit(writes)).toMatchObject({ revision: 1 })
  expect(database.snapshot().documents.size).toBe(20_000)
  expect(database.historyHeader(1)).toMatchObject({ changes: 20_000, time: 1_000 })
  expect(database.historyChange(1, 20_000)).toMatchObject({ key: 'routes/19999', after: { value: '{"n":19999}' } })
})

it('refuses a store that a newer version wrote', () => {
  database.write(() => database.putState({ ...database.state(), format: 2 as 1 }))
  expect(() => database.snapshot()).toThrow(/has the format 2, this version of Sekisho knows 1: start the version/)
})
