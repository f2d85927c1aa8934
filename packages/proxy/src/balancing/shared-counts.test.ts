import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { buildSync } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { LoadBalancer } from './load-balancer.ts'
import { SharedCounts } from './shared-counts.ts'
import { tally } from './testing/tally.ts'

const seed = [1, 2] as const
const workers = (count: number, slots = 64): SharedCounts[] => {
  const buffer = SharedCounts.createBuffer({ workers: count, slots, seed })
  return Array.from({ length: count }, (_, index) => new SharedCounts(buffer, index))
}

describe('several balancers on one memory', () => {
  test('round robin is one rotation', () => {
    const balancers = workers(3).map((counts) =>
      LoadBalancer.roundRobin({ 'a:1': 5, 'b:1': 1, 'c:1': 1 }, { counts: counts.of('upstreams/1') }),
    )
    const order = [0, 1, 1, 2, 0, 2, 2].map((worker) => balancers[worker].select()?.address[0])
    expect(order.join(' ')).toBe('a a b a c a a')
  })

  test('a node that is down leaves the shares of the others exact', () => {
    const balancers = workers(2).map((counts) => LoadBalancer.roundRobin(['a', 'b', 'c'], { counts: counts.of('u') }))
    for (const balancer of balancers) balancer.setHealthy('b', false)
    const picks = Array.from({ length: 400 }, (_, pick) => balancers[pick % 2].select()?.address ?? '-')
    const { a, b, c } = tally(picks)
    expect(b).toBeUndefined()
    expect(a + c).toBe(400)
  })

  test('least connections sees what the others have in flight', () => {
    const balancers = workers(2).map((counts) => LoadBalancer.leastConnections(['a', 'b'], { counts: counts.of('u') }))
    const [a, b] = balancers[0].backends
    balancers[0].started(a)
    expect(balancers[1].select()?.address).toBe('b')
    balancers[0].started(b)
    balancers[0].started(b)
    expect(balancers[1].select()?.address).toBe('a')
    // It cannot end what it did not begin.
    balancers[1].finished(balancers[1].backends[1], 1)
    expect(balancers[1].select()?.address).toBe('a')
    balancers[0].finished(b, 1)
    balancers[0].finished(b, 1)
    expect(balancers[1].select()?.address).toBe('b')
  })

  test('upstreams do not meet, and a balancer made anew finds its counts', () => {
    const [counts] = workers(2)
    const make = (name: string) => LoadBalancer.leastConnections(['a', 'b'], { counts: counts.of(name) })
    const before = make('one')
    before.started(before.backends[0])
    expect(make('one').select()?.address).toBe('b')
    expect(make('two').select()?.address).toBe('a')
  })

  test('a worker that is gone has nothing in flight', () => {
    const [one, two] = workers(2)
    const first = one.of('u').inFlight('a')
    const second = two.of('u').inFlight('a')
    first.started()
    first.started()
    second.started()
    expect(second.value).toBe(3)
    two.forgetWorker(0)
    expect(second.value).toBe(1)
    second.finished()
    expect(second.value).toBe(0)
    expect(one.size).toBe(1)
    two.forgetWorker(1)
    expect(one.size).toBe(0)
  })

  test('what finds no room counts by itself', () => {
    const [counts] = workers(1, 16)
    const names = Array.from({ length: 20 }, (_, index) => counts.of('u').inFlight(`node-${index}`))
    expect(counts.size).toBe(16)
    for (const count of names) {
      count.started()
      expect(count.value).toBe(1)
    }
    expect(counts.of('v').rotation('x')).toBeUndefined()
  })

  test('refuses a size and an index that cannot be', () => {
    expect(() => SharedCounts.createBuffer({ workers: 1, slots: 20 })).toThrow('power of two')
    expect(() => new SharedCounts(SharedCounts.createBuffer({ workers: 1 }), 1)).toThrow('no room for worker 1')
  })
})

// The sources, bundled into one CommonJS text: threads of Node 20 cannot load TypeScript, and the test needs no build.
const bundle = buildSync({
  entryPoints: [fileURLToPath(new URL('./index.ts', import.meta.url))],
  bundle: true,
  format: 'cjs',
  platform: 'node',
  write: false,
}).outputFiles[0].text

/** A thread for each index that waits for all others, then runs `body` and posts what it returns. */
async function inThreads(count: number, buffer: SharedArrayBuffer, body: string): Promise<unknown[]> {
  const gate = new SharedArrayBuffer(4)
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    const balancing = (() => { const module = { exports: {} }; ((module) => { ${bundle} })(module); return module.exports })()
    const counts = new balancing.SharedCounts(workerData.buffer, workerData.index).of('upstreams/1')
    parentPort.postMessage('ready')
    Atomics.wait(new Int32Array(workerData.gate), 0, 0)
    parentPort.postMessage((() => { ${body} })())
  `
  const threads = Array.from(
    { length: count },
    (_, index) => new Worker(code, { eval: true, workerData: { buffer, index, gate } }),
  )
  await Promise.all(threads.map((thread) => once(thread, 'message')))
  const messages = threads.map((thread) => once(thread, 'message'))
  Atomics.store(new Int32Array(gate), 0, 1)
  Atomics.notify(new Int32Array(gate), 0)
  return (await Promise.all(messages)).map((message: unknown[]) => message[0])
}

describe('across threads', () => {
  test('4 x 21,000 requests over weights 4, 2 and 1 are spread exactly', async () => {
    const buffer = SharedCounts.createBuffer({ workers: 4, slots: 64 })
    const body = `
      const balancer = balancing.LoadBalancer.roundRobin({ 'a:1': 4, 'b:1': 2, 'c:1': 1 }, { counts, offset: workerData.index })
      const picked = {}
      for (let request = 0; request < 21000; request++) {
        const { address } = balancer.select()
        picked[address] = (picked[address] ?? 0) + 1
      }
      return picked
    `
    const picked = (await inThreads(4, buffer, body)) as Record<string, number>[]
    const sum = (address: string): number => picked.reduce((total, counts) => total + counts[address], 0)
    expect([sum('a:1'), sum('b:1'), sum('c:1')]).toEqual([48_000, 24_000, 12_000])
  })

  test('nothing of what is in flight is lost', async () => {
    const buffer = SharedCounts.createBuffer({ workers: 4, slots: 64 })
    const body = `
      const balancer = balancing.LoadBalancer.leastConnections(['a', 'b', 'c'], { counts })
      const open = []
      for (let request = 0; request < 20000; request++) {
        const node = balancer.select()
        balancer.started(node)
        open.push(node)
        if (open.length > 10) balancer.finished(open.shift(), 1)
      }
      globalThis.kept = balancer
      return open.map(({ address }) => address)
    `
    const open = ((await inThreads(4, buffer, body)) as string[][]).flat()
    const counts = new SharedCounts(buffer, 0).of('upstreams/1')
    const wanted = tally(open)
    expect(Object.values(wanted).reduce((sum, count) => sum + count, 0)).toBe(40)
    for (const node of ['a', 'b', 'c']) expect(counts.inFlight(node).value).toBe(wanted[node] ?? 0)
  })
})
