import { expect, it, onTestFinished, vi } from 'vitest'
import { MemoryState } from '../state/memory-state.ts'
import { StateUnavailable } from '../state/state-error.ts'
import { CatalogHarness } from './testing/catalog-harness.ts'

// As with an etcd that is away.
it('answers from memory, refuses changes with the reason, and removes no package that others may have deployed', async () => {
  const state = new MemoryState()
  const harness = await CatalogHarness.create({ state })
  onTestFinished(() => harness.dispose())
  await harness.create('f')
  vi.spyOn(state, 'commit').mockRejectedValue(new StateUnavailable('etcd (127.0.0.1:2379): no connection'))
  expect((await harness.on('GetFunctionConfiguration', 'f')).FunctionName).toBe('f')
  expect(harness.catalog.resolve('f', undefined).function.name).toBe('f')
  await expect(harness.on('UpdateFunctionConfiguration', 'f', { Timeout: 9 })).rejects.toMatchObject({
    code: 'ServiceException',
    status: 503,
    message: 'etcd (127.0.0.1:2379): no connection',
  })
  await expect(harness.catalog.collect()).rejects.toMatchObject({ status: 503 })
})
