import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { HealthBoard } from './health-board.ts'
import { HEALTH_WORDS, TCP_FAILURES } from './health-words.ts'

it('keeps what is known of nodes that stay, and begins anew with others', () => {
  const board = HealthBoard.of(['a:1', 'b:1'])
  board.node('a:1')?.failure('tcp_failure', 2)
  board.node('b:1')?.failure('tcp_failure', 1)
  board.start('b:1', 5)
  expect(board.update(['b:1', 'c:1'])).toEqual(['c:1'])
  expect(board.node('a:1')).toBeUndefined()
  expect([board.node('b:1')?.status, board.startedAt('b:1')]).toEqual(['unhealthy', 5])
  // In the place of a:1, of which nothing is left.
  expect([board.node('c:1')?.status, board.startedAt('c:1')]).toEqual(['healthy', 0])
  expect(board.node('c:1')?.counters.tcp_failure).toBe(0)
})

it('gives each node words of its own, also when the memory must grow', () => {
  const board = HealthBoard.of(['n0:1'])
  board.node('n0:1')?.failure('timeout_failure', 1)
  const addresses = Array.from({ length: 100 }, (_, index) => `n${index}:1`)
  expect(board.update(addresses)).toHaveLength(99)
  expect(new Set(board.data.slots.values()).size).toBe(100)
  expect(board.node('n0:1')?.status).toBe('unhealthy')
  board.node('n99:1')?.failure('http_failure', 1)
  expect(addresses.filter((address) => board.node(address)?.down)).toEqual(['n0:1', 'n99:1'])
})

it('keeps the memory while there is room, so that what other threads count is not lost', () => {
  const board = HealthBoard.of(['a:1', 'b:1'])
  const { buffer } = board.data
  for (let round = 0; round < 50; round++) board.update(['a:1', `n${round}:1`])
  expect(board.data.buffer).toBe(buffer)
})

it('counts exactly when four threads report, and tells exactly one of them of the change', async () => {
  const board = HealthBoard.of(['a:1'])
  const start = new Int32Array(new SharedArrayBuffer(4))
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { health, words, start, rounds } = workerData
    import(health).then(({ NodeHealth }) => {
      const node = new NodeHealth(words)
      parentPort.postMessage('ready')
      Atomics.wait(start, 0, 0)
      let told = 0
      for (let round = 0; round < rounds; round++) if (node.failure('tcp_failure', 4 * rounds)) told++
      parentPort.postMessage(told)
    })`
  const words = board.node('a:1')?.words
  expect(words).toHaveLength(HEALTH_WORDS)
  // Threads run the built file, as everywhere.
  const health = new URL('../../dist/health/node-health.js', import.meta.url).href
  const workers = Array.from(
    { length: 4 },
    () => new Worker(code, { eval: true, workerData: { health, words, start, rounds: 50_000 } }),
  )
  const next = (worker: Worker): Promise<unknown> =>
    new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  await Promise.all(workers.map(next))
  const counts = workers.map(next)
  Atomics.store(start, 0, 1)
  Atomics.notify(start, 0)
  const told = (await Promise.all(counts)) as number[]
  expect(told.reduce((sum, count) => sum + count)).toBe(1)
  expect(words?.[TCP_FAILURES]).toBe(200_000)
  await Promise.all(workers.map((worker) => worker.terminate()))
})
