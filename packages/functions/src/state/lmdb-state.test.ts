import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { LmdbState } from './lmdb-state.ts'
import { describeState } from './testing/state-contract.ts'

describeState('lmdb', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sekisho-state-'))
  return {
    open: () => LmdbState.open(join(folder, 'data', 'state.mdb')),
    dispose: () => rm(folder, { recursive: true }),
  }
})

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sekisho-state-'))
})
afterEach(() => rm(folder, { recursive: true }))

it('is readable by its owner alone', async () => {
  const file = join(folder, 'state.mdb')
  await (await LmdbState.open(file)).close()
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

it('lets the process that opened it last write, and no other', async () => {
  const file = join(folder, 'state.mdb')
  const first = await LmdbState.open(file)
  const second = await LmdbState.open(file)
  await expect(first.commit([{ key: 'a', value: '1' }])).rejects.toThrow(/another process has opened/)
  expect(await second.commit([{ key: 'a', value: '2' }])).toBe(true)
  await second.close()
  await first.close()
})

it('says which file it cannot open', async () => {
  const file = join(folder, 'file')
  await writeFile(file, 'x')
  await expect(LmdbState.open(join(file, 'state.mdb'))).rejects.toThrow(/cannot be opened/)
})
