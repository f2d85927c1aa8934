import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { countWorkers, MAX_WORKERS } from './options.ts'

it('counts workers', () => {
  expect(countWorkers()).toBe(availableParallelism())
  expect(countWorkers('auto')).toBe(availableParallelism())
  expect(countWorkers(3)).toBe(3)
  for (const wrong of [0, -1, 1.5, Number.NaN, MAX_WORKERS + 1]) {
    expect(() => countWorkers(wrong)).toThrow(`workers must be "auto" or a number from 1 to 1024, not ${wrong}`)
  }
})
