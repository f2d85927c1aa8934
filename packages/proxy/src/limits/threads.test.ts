import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { buildSync } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { FIXED_WINDOW_CELLS, FixedWindow } from './fixed-window.ts'
import { CONTROL_INDEX, SharedTable } from './shared-table.ts'

// The sources, bundled into one CommonJS text: threads of Node 20 cannot load TypeScript, and the test needs no build.
const bundle = buildSync({
  entryPoints: [fileURLToPath(new URL('./index.ts', import.meta.url))],
  bundle: true,
  format: 'cjs',
  platform: 'node',
  write: false,
}).outputFiles[0].text

interface Start {
  readonly index: number
  readonly table: SharedArrayBuffer
  /** One word: 1 = go. */
  readonly gate: SharedArrayBuffer
}

/** A thread that waits at the gate, then runs `body` with `limits`, `table`, `index` and `post` in scope. */
function thread(start: Start, body: string): Worker {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    const limits = (() => { const module = { exports: {} }; ((module) => { ${bundle} })(module); return module.exports })()
    const { index } = workerData
    const table = new limits.SharedTable(workerData.table, index)
    const post = (message) => parentPort.postMessage(message)
    const gate = new Int32Array(workerData.gate)
    post('ready')
    Atomics.wait(gate, 0, 0)
    ${body}
  `
  return new Worker(code, { eval: true, workerData: start })
}

/** Waits until all threads are ready, lets them go at once, and resolves with the first message of each. */
async function run(workers: Worker[], gate: SharedArrayBuffer): Promise<unknown[]> {
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const messages = workers.map((worker) => once(worker, 'message'))
  const word = new Int32Array(gate)
  Atomics.store(word, 0, 1)
  Atomics.notify(word, 0)
  return (await Promise.all(messages)).map((message: unknown[]) => message[0])
}

describe('limits across threads', () => {
  test('exactly 1,000 of 4 x 5,000 takes of one key pass', async () => {
    const start = {
      table: SharedTable.createBuffer({ slots: 1_024, cells: FIXED_WINDOW_CELLS }),
      gate: new SharedArrayBuffer(4),
    }
    const body = `
      const limiter = new limits.FixedWindow(table, 'route-1')
      let passed = 0
      for (let count = 0; count < 5000; count++) if (limiter.take('client', 1, 1000, 60000, 1000) >= 0) passed++
      post(passed)
    `
    const workers = [0, 1, 2, 3].map((index) => thread({ ...start, index }, body))
    const passed = await run(workers, start.gate)
    expect(passed.reduce<number>((sum, count) => sum + Number(count), 0)).toBe(1_000)
    const table = new SharedTable(start.table, CONTROL_INDEX)
    expect(table.takeovers).toBe(0)
    for (const index of [0, 1, 2, 3]) expect(table.releaseLocksOf(index)).toBe(0)
  })

  test('in flight across threads is back at nothing after 4 x 2,000 enter and leave, and never above the limit', async () => {
    const start = { table: SharedTable.createBuffer({ slots: 16, cells: 4 }), gate: new SharedArrayBuffer(4) }
    const body = `
      const limiter = new limits.Concurrency(table, 'route-1', index)
      let most = 0
      for (let count = 0; count < 2000; count++) {
        if (limiter.enter('client', 2, 0, 0.1, 1000) < 0) continue
        most = Math.max(most, limiter.inFlight)
        limiter.leave('client', 1000)
      }
      post(most)
    `
    const workers = [0, 1, 2, 3].map((index) => thread({ ...start, index }, body))
    const most = await run(workers, start.gate)
    expect(Math.max(...most.map(Number))).toBeLessThanOrEqual(2)
    let live = 0
    new SharedTable(start.table, CONTROL_INDEX).forEachSlot(() => live++)
    expect(live).toBe(0)
  })

  test('a thread that is terminated while it holds a lock leaves nothing locked', async () => {
    const start = {
      table: SharedTable.createBuffer({ slots: 1_024, cells: FIXED_WINDOW_CELLS }),
      gate: new SharedArrayBuffer(4),
    }
    const worker = thread(
      { ...start, index: 2 },
      `table.acquire(table.scope('fixed-window\\0route-1'), 'client', 1000); post('held'); for (;;) {}`,
    )
    expect(await run([worker], start.gate)).toEqual(['held'])
    await worker.terminate()
    const table = new SharedTable(start.table, CONTROL_INDEX)
    expect(table.releaseLocksOf(2)).toBe(1)
    expect(new FixedWindow(table, 'route-1').take('client', 1, 10, 1_000, 1_000)).toBe(9)
    expect(table.takeovers).toBe(0)
  })

  test('threads that are terminated anywhere in a run of takes leave a table that works', async () => {
    const start = {
      table: SharedTable.createBuffer({ slots: 16, cells: FIXED_WINDOW_CELLS }),
      gate: new SharedArrayBuffer(4),
    }
    const body = `
      const limiter = new limits.FixedWindow(table, 'route-1')
      for (let count = 0; ; count++) {
        limiter.take('client' + (count & 31), 1, 1000000, 60000, 1000)
        if (count === 10000) post('running')
      }
    `
    const workers = [0, 1].map((index) => thread({ ...start, index }, body))
    expect(await run(workers, start.gate)).toEqual(['running', 'running'])
    const control = new SharedTable(start.table, CONTROL_INDEX)
    for (const [index, worker] of workers.entries()) {
      await worker.terminate()
      control.releaseLocksOf(index)
    }
    const limiter = new FixedWindow(control, 'route-2')
    expect(limiter.take('client', 1, 2, 60_000, 1_000)).toBe(1)
    expect(limiter.take('client', 1, 2, 60_000, 1_000)).toBe(0)
    expect(limiter.take('client', 1, 2, 60_000, 1_000)).toBe(-1)
  })
})
