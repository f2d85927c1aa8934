import { describe, expect, it } from 'vitest'
import { seededRandom } from '../balancing/testing/seeded-random.ts'
import { NodeHealth, type FailureKind, type HealthStatus } from './node-health.ts'

const SUCCESSES = 2
const FAILURES: Record<FailureKind, number> = { tcp_failure: 2, http_failure: 3, timeout_failure: 1 }
type Event = 'ok' | FailureKind
const report = (node: NodeHealth, event: Event): boolean =>
  event === 'ok' ? node.success(SUCCESSES) : node.failure(event, FAILURES[event])

const EVENTS: Record<string, Event> = { '+': 'ok', t: 'tcp_failure', h: 'http_failure', o: 'timeout_failure' }
const SHORT: Record<HealthStatus, string> = {
  healthy: 'H',
  mostly_healthy: 'h',
  mostly_unhealthy: 'u',
  unhealthy: 'U',
}

describe('the state of a node', () => {
  it.each([
    // what is seen, the state after each
    ['+++', 'HHH'],
    ['t', 'h'],
    ['tt', 'hU'],
    ['hhh', 'hhU'],
    ['o', 'U'],
    // kinds are counted apart
    ['thh', 'hhh'],
    ['thth', 'hhUU'],
    ['hth', 'hhh'],
    ['hht', 'hhh'],
    // a success sets all failures to 0
    ['t+t', 'hhh'],
    ['hh+hh', 'hhhhh'],
    ['t++', 'hhH'],
    // a failure sets the successes to 0
    ['t+h+', 'hhhh'],
    ['t+h++', 'hhhhH'],
    // what is done badly by one that is out is not counted; two good ones bring it back
    ['tttttt', 'hUUUUU'],
    ['tt+', 'hUu'],
    ['tt++', 'hUuH'],
    ['tt+t+', 'hUuuu'],
    ['tt+t++', 'hUuuuH'],
    ['tt+tt', 'hUuuU'],
    ['tt+o', 'hUuU'],
    ['tt++t', 'hUuHh'],
  ])('%s: %s', (seen, states) => {
    const node = new NodeHealth()
    const passed = [...seen].map((event) => {
      report(node, EVENTS[event])
      return SHORT[node.status]
    })
    expect(passed.join('')).toBe(states)
  })

  it('tells the changes between in use and out, and no others', () => {
    const node = new NodeHealth()
    const told = [...'tt+tt++t'].map((event) => report(node, EVENTS[event]))
    expect(told).toEqual([false, true, false, false, false, false, true, false])
  })

  it('does not count what has the limit 0', () => {
    const node = new NodeHealth()
    for (let round = 0; round < 300; round++) expect(node.failure('tcp_failure', 0)).toBe(false)
    expect(node.status).toBe('healthy')
    node.failure('tcp_failure', 1)
    for (let round = 0; round < 300; round++) expect(node.success(0)).toBe(false)
    expect(node.status).toBe('unhealthy')
  })

  it('is out while it is ejected, whatever the checks say', () => {
    const node = new NodeHealth()
    expect(node.usable).toBe(true)
    node.words[1] = 1
    expect([node.usable, node.ejected, node.down]).toEqual([false, true, false])
  })

  it('is restored', () => {
    const [before, after] = [new NodeHealth(), new NodeHealth()]
    for (const event of 'tt+') report(before, EVENTS[event])
    after.restore(before.status, before.counters)
    expect(after.words).toEqual(before.words)
    after.forget()
    expect([after.status, after.counters.success]).toEqual(['healthy', 0])
  })
})

/** The same rules, as one would write them down for a person. */
class Model {
  state: HealthStatus = 'healthy'
  counts = { success: 0, tcp_failure: 0, http_failure: 0, timeout_failure: 0 }

  see(event: Event): void {
    if (event === 'ok') {
      if (this.state === 'healthy') return
      Object.assign(this.counts, { tcp_failure: 0, http_failure: 0, timeout_failure: 0 })
      if (++this.counts.success >= SUCCESSES) this.state = 'healthy'
      else if (this.state === 'unhealthy') this.state = 'mostly_unhealthy'
      return
    }
    if (this.state === 'unhealthy') return
    this.counts.success = 0
    if (++this.counts[event] >= FAILURES[event]) this.state = 'unhealthy'
    else if (this.state === 'healthy') this.state = 'mostly_healthy'
  }
}

describe('at random', () => {
  it.each([1, 2, 3, 4, 5])('seed %i: does as the model', (seed) => {
    const random = seededRandom(seed)
    const events: Event[] = ['ok', 'ok', 'tcp_failure', 'http_failure', 'timeout_failure']
    const [node, model] = [new NodeHealth(), new Model()]
    for (let step = 0; step < 5_000; step++) {
      const event = events[Math.floor(random() * events.length)]
      const usable = node.usable
      const told = report(node, event)
      model.see(event)
      expect([node.status, node.counters]).toEqual([model.state, model.counts])
      expect(told).toBe(usable !== node.usable)
    }
  })
})
