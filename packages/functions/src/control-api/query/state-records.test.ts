import { expect, it } from 'vitest'
import { MemoryState } from '../../state/memory-state.ts'
import { StateRecords } from './state-records.ts'

it('takes changes of one record that come together, as Terraform sends them', async () => {
  const roles = new StateRecords<readonly string[]>(new MemoryState(), 'roles/')
  await roles.create('busy', [])
  const names = Array.from({ length: 10 }, (_, n) => `policy-${n}`)
  await Promise.all(names.map((name) => roles.change('busy', (all) => [...all, name])))
  expect((await roles.get('busy'))?.toSorted()).toEqual(names)
})

it('says when there is nothing to change', async () => {
  const roles = new StateRecords<string>(new MemoryState(), 'roles/')
  expect(await roles.change('nobody', (role) => role)).toBeUndefined()
})
