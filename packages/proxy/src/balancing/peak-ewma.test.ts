import { expect, test } from 'vitest'
import { LoadBalancer } from './load-balancer.ts'
import { seededRandom } from './testing/seeded-random.ts'
import { picks, tally } from './testing/tally.ts'

let now = 0
const balancer = (nodes: string[] | Record<string, number> = ['a', 'b']): LoadBalancer => {
  now = 0
  return LoadBalancer.peakEwma(nodes, { now: () => now, random: seededRandom(3) })
}
const request = (upstreams: LoadBalancer, index: number, latencyMs: number): void => {
  const node = upstreams.backends[index]
  upstreams.started(node)
  upstreams.finished(node, latencyMs)
}

test('a slower answer is believed at once', () => {
  const upstreams = balancer()
  for (let count = 0; count < 50; count++) for (const index of [0, 1]) request(upstreams, index, 10)
  request(upstreams, 0, 12)
  expect(tally(picks(upstreams, 100))).toEqual({ b: 100 })
})

test('a faster answer is believed bit by bit', () => {
  const upstreams = balancer()
  request(upstreams, 0, 100)
  request(upstreams, 1, 20)
  now = 1_000
  request(upstreams, 0, 5)
  request(upstreams, 1, 20)
  // 100 has lost a tenth of its say.
  expect(tally(picks(upstreams, 10))).toEqual({ b: 10 })
  for (let second = 2; second < 30; second++) {
    now = second * 1_000
    request(upstreams, 0, 5)
    request(upstreams, 1, 20)
  }
  expect(tally(picks(upstreams, 10))).toEqual({ a: 10 })
})

test('a node that is not asked looks faster with time, and is tried again', () => {
  const upstreams = balancer()
  request(upstreams, 0, 1_000)
  request(upstreams, 1, 10)
  expect(tally(picks(upstreams, 10))).toEqual({ b: 10 })
  now = 60_000
  request(upstreams, 1, 10)
  expect(tally(picks(upstreams, 10))).toEqual({ a: 10 })
})

test('a node that fails at once is not the fastest', () => {
  const upstreams = balancer()
  request(upstreams, 0, -1)
  request(upstreams, 1, 500)
  expect(tally(picks(upstreams, 10))).toEqual({ b: 10 })
})

test('requests in flight count before anything was measured', () => {
  const upstreams = balancer()
  upstreams.started(upstreams.backends[0])
  expect(tally(picks(upstreams, 10))).toEqual({ b: 10 })
  upstreams.started(upstreams.backends[1])
  upstreams.started(upstreams.backends[1])
  expect(tally(picks(upstreams, 10))).toEqual({ a: 10 })
})

test('equally fast nodes share by weight', () => {
  const upstreams = balancer({ a: 3, b: 1, c: 0 })
  const { a, b, c } = tally(picks(upstreams, 8_000))
  expect(c).toBeUndefined()
  expect(a / b).toBeGreaterThan(2.7)
  expect(a / b).toBeLessThan(3.3)
})
