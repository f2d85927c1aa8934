import { afterEach, beforeEach, expect, it } from 'vitest'
import { join } from 'node:path'
import { CommitQueue, MAX_PENDING_BYTES } from './commit-queue.ts'
import { prepareDataFile } from './data-file.ts'
import { EmbeddedDatabase } from './database.ts'
import { HISTORY_LIMITS } from './history-limits.ts'
import { AUTHOR, TemporaryStore } from './testing/temporary-store.ts'

let store: TemporaryStore
let database: EmbeddedDatabase
let queue: CommitQueue
const revisions: number[] = []
beforeEach(async () => {
  store = await TemporaryStore.create()
  const file = join(store.path, 'store.mdb')
  await prepareDataFile(file)
  database = await EmbeddedDatabase.open(file)
  revisions.length = 0
  queue = new CommitQueue({
    database,
    writer: '',
    limits: HISTORY_LIMITS,
    now: Date.now,
    onCommitted: (outcome) => revisions.push('revision' in outcome ? outcome.revision : 0),
  })
})
afterEach(async () => {
  await database.close()
  await store.dispose()
})

const request = () => ({ writes: [{ key: 'routes/1', value: '{}' }] as const, conditions: [], author: AUTHOR })

it('takes one commit of any size, and more while they are not too large together', async () => {
  const first = queue.add(request, MAX_PENDING_BYTES + 1)
  await expect(queue.add(request, 1)).rejects.toThrow('1 commits of 134217729 bytes are waiting for the store')
  await first
  await Promise.all([queue.add(request, MAX_PENDING_BYTES - 1), queue.add(request, 1)])
  expect(revisions).toEqual([1, 2, 3])
})

it('does at once what waits when it is told to', async () => {
  const first = queue.add(request, 1)
  queue.flush()
  expect(database.state().revision).toBe(1)
  queue.flush()
  expect(await first).toMatchObject({ revision: 1 })
})

it('tells of a commit before its promise resolves', async () => {
  await queue.add(request, 1).then(() => expect(revisions).toEqual([1]))
})
