import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { hostFunctionNames } from './host/imports.ts'
import { filterModule, type FilterModule } from './module/filter-module.ts'
import { makeServices } from './services.ts'
import { watFilter } from './testing/wat-filter.ts'
import { Vm } from './vm.ts'
import { SharedVm, VmPool } from './vm-pool.ts'
import { VmFailure } from './vm-failure.ts'

const module = filterModule(watFilter('', ''), { maxPages: 4, metered: true }, hostFunctionNames) as FilterModule
const shared = (): SharedVm =>
  new SharedVm(module, { fuel: 1_000, services: makeServices(undefined), log: () => undefined })

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

/** Runs the machine and ends it; false when none runs yet. */
function failOnce(vm: SharedVm): boolean {
  const running = vm.running()
  if (running instanceof VmFailure) return false
  running.fail(new Error('for the test'))
  return true
}

describe('a machine', () => {
  it('is the same until it fails', () => {
    const vm = shared()
    const first = vm.running()
    expect(first).toBeInstanceOf(Vm)
    expect(vm.running()).toBe(first)
    expect(failOnce(vm)).toBe(true)
    expect(vm.running()).not.toBe(first)
  })

  it('starts again at once, then after 100 ms, then after twice as long each time', () => {
    const vm = shared()
    expect([failOnce(vm), failOnce(vm)]).toEqual([true, true])
    for (const waitMs of [100, 200, 400, 800]) {
      expect(failOnce(vm)).toBe(false)
      vi.advanceTimersByTime(waitMs - 1)
      expect(failOnce(vm)).toBe(false)
      vi.advanceTimersByTime(1)
      expect(failOnce(vm)).toBe(true)
    }
  })

  it('waits 30 seconds at most, and is forgiven when it ran well', () => {
    const vm = shared()
    for (let count = 0; count < 20; count++) {
      failOnce(vm)
      vi.advanceTimersByTime(30_000)
    }
    expect(vm.running()).toBeInstanceOf(Vm)
    vi.advanceTimersByTime(10_001)
    expect([failOnce(vm), failOnce(vm), failOnce(vm)]).toEqual([true, true, false])
  })
})

describe('VmPool', () => {
  it('shares a machine while somebody uses it', () => {
    const pool = new VmPool()
    const first = pool.take('a', shared)
    expect(pool.take('a', shared)).toBe(first)
    expect(pool.take('b', shared)).not.toBe(first)
    pool.giveBack('a', first)
    expect(pool.size).toBe(2)
    pool.giveBack('a', first)
    expect(pool.size).toBe(1)
  })
})
