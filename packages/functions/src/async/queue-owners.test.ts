import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { invocation, QueueHarness } from './testing/queue-harness.ts'

beforeEach(() => void vi.useFakeTimers())
const open: QueueHarness[] = []
afterEach(async () => {
  for (const harness of open.splice(0)) await close(harness)
  vi.useRealTimers()
})

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

async function close({ queue }: QueueHarness): Promise<void> {
  const closing = queue.close(0)
  await pass(1)
  await closing
}

async function node(owner: string, other?: QueueHarness): Promise<QueueHarness> {
  const harness = new QueueHarness({}, other?.state)
  await harness.open(owner, true)
  open.push(harness)
  return harness
}

/** Its events are there: its function never answers. */
async function kill(harness: QueueHarness): Promise<void> {
  await close(harness)
  open.splice(open.indexOf(harness), 1)
}

it('the events of a node that is dead go on at one of the others, once', async () => {
  const dead = await node('node-1')
  dead.engine.onInvoke = () => {}
  for (let i = 0; i < 120; i++) void dead.queue.enqueue(invocation({ requestId: `request-${i}` }))
  await pass(100)
  await kill(dead)
  const [second, third] = [await node('node-2', dead), await node('node-3', dead)]
  await pass(30_000)
  expect(second.runs + third.runs).toBe(0)
  await pass(30_000)
  const ran = [...second.engine.invocations, ...third.engine.invocations].map(({ requestId }) => requestId)
  expect([ran.length, new Set(ran).size]).toEqual([120, 120])
  expect(await dead.kept()).toEqual([])
  const owners = (await dead.state.list('queue-owners/')).map(({ key }) => key)
  expect(owners).toEqual(['queue-owners/node-2', 'queue-owners/node-3'])
})

it('a node that lives keeps its events, whatever it does with them', async () => {
  const one = await node('node-1')
  one.throttling()
  void one.queue.enqueue(invocation())
  const other = await node('node-2', one)
  await pass(300_000)
  expect(other.runs).toBe(0)
  expect(await one.kept()).toEqual([`queue/node-1/${invocation().requestId}`])
})

it('a node that is back in time goes on itself', async () => {
  const before = await node('node-1')
  before.engine.onInvoke = () => {}
  void before.queue.enqueue(invocation())
  await pass(100)
  const other = await node('node-2', before)
  await kill(before)
  await pass(20_000)
  const after = await node('node-1', before)
  await pass(60_000)
  expect([after.runs, other.runs]).toEqual([1, 0])
})

it('a move that an owner cuts short by being back is not gone on with', async () => {
  const dead = await node('node-1')
  dead.engine.onInvoke = () => {}
  for (let i = 0; i < 120; i++) void dead.queue.enqueue(invocation({ requestId: `request-${i}` }))
  await pass(100)
  await kill(dead)
  const other = await node('node-2', dead)
  let back: QueueHarness | undefined
  const commit = other.state.commit.bind(other.state)
  vi.spyOn(other.state, 'commit').mockImplementation(async (writes, conditions) => {
    const moving = conditions?.[0]?.key === 'queue-owners/node-1' && writes.length > 1
    const done = await commit(writes, conditions)
    // After the first portion.
    if (moving && back === undefined) back = await node('node-1', dead)
    return done
  })
  await pass(60_000)
  expect([other.runs, back?.runs]).toEqual([49, 71])
  expect(await dead.kept()).toEqual([])
})
