import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { MemoryState } from '../state/memory-state.ts'
import { StateUnavailable } from '../state/state-error.ts'
import { invocation, QueueHarness } from './testing/queue-harness.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** A store that is away when it is told to be. */
class TestState extends MemoryState {
  away = false

  override list(prefix: string) {
    return this.away ? Promise.reject(new StateUnavailable('away')) : super.list(prefix)
  }

  override commit(...parameters: Parameters<MemoryState['commit']>) {
    return this.away ? Promise.reject(new StateUnavailable('away')) : super.commit(...parameters)
  }
}

it.each([false, true])('begins when a store is back that was away at the start (shared: %s)', async (shared) => {
  const state = new TestState()
  const before = await new QueueHarness({}, state).open('node-1', shared)
  before.engine.onInvoke = () => {}
  void before.queue.enqueue(invocation({ requestId: 'left' }))
  await pass(100)
  void before.queue.close(0)
  await pass(1)

  state.away = true
  const after = await new QueueHarness({}, state).open('node-1', shared)
  expect(after.problems).toEqual([expect.stringContaining('the store is away')])
  await expect(after.queue.enqueue(invocation())).rejects.toMatchObject({ status: 503 })
  await pass(5_000)
  expect(after.runs).toBe(0)
  state.away = false
  await pass(1_000)
  expect(after.engine.invocations.map(({ requestId }) => requestId)).toEqual(['left'])
  void after.queue.enqueue(invocation())
  await pass(100)
  expect(after.runs).toBe(2)
  void after.queue.close(0)
  await pass(1)
})

it('takes nobody over whose silence may be that of the store', async () => {
  const state = new TestState()
  const one = await new QueueHarness({}, state).open('node-1', true)
  one.throttling()
  void one.queue.enqueue(invocation())
  const two = await new QueueHarness({}, state).open('node-2', true)
  await pass(25_000)
  state.away = true
  await pass(60_000)
  state.away = false
  // The other one happens to look first.
  await pass(60_000)
  expect(two.runs).toBe(0)
  for (const { queue } of [one, two]) void queue.close(0)
  await pass(1)
})
