import { describe, expect, test } from 'vitest'
import { RouteMetrics } from './request-metrics.ts'
import { Slab } from './slab.ts'
import { type SeriesBatch, WorkerMetrics } from './worker-metrics.ts'

const LABELS = { route: 'r1', service: 's1', matchedUri: '/*', matchedHost: '' }

function setup(): { metrics: WorkerMetrics; announced: () => string[] } {
  const batches: SeriesBatch[] = []
  const metrics = new WorkerMetrics(Slab.createBuffer(65_536), (batch) => batches.push(batch))
  return {
    metrics,
    announced: () => {
      metrics.flush()
      return batches
        .splice(0)
        .flatMap((batch) => batch.added.map((series) => `${series.metric} ${series.labels.join(',')}`))
    },
  }
}

describe('RouteMetrics', () => {
  test('makes series with the first request that needs them, once', () => {
    const { metrics, announced } = setup()
    const route = new RouteMetrics(metrics, LABELS)
    expect(announced()).toEqual([])
    route.for('jack', 'n:1')?.record(200, 1, 1, 1, 1)
    expect(announced()).toEqual([
      'sekisho_http_latency request,r1,s1,jack,n:1',
      'sekisho_http_latency upstream,r1,s1,jack,n:1',
      'sekisho_http_latency gateway,r1,s1,jack,n:1',
      'sekisho_bandwidth ingress,r1,s1,jack,n:1',
      'sekisho_bandwidth egress,r1,s1,jack,n:1',
      'sekisho_http_status 200,r1,/*,,s1,jack,n:1',
    ])
    route.for('jack', 'n:1')?.record(404, 1, 1, 1, 1)
    route.for('jack', 'n:1')?.record(200, 1, 1, 1, 1)
    expect(announced()).toEqual(['sekisho_http_status 404,r1,/*,,s1,jack,n:1'])
    expect(route.for('jack', 'n:1')).toBe(route.for('jack', 'n:1'))
    expect(route.for('jack', 'n:1')).not.toBe(route.for('jack', 'n:2'))
    expect(route.for('jack', 'n:1')).not.toBe(route.for('jill', 'n:1'))
  })

  test('a node that was forgotten and comes back gets new series', () => {
    const { metrics, announced } = setup()
    const route = new RouteMetrics(metrics, LABELS)
    route.for('', 'n:1')?.record(200, 1, 1, 1, 1)
    announced()
    metrics.forget('node', new Set(['n:1']))
    route.for('', 'n:1')?.record(200, 1, 1, 1, 1)
    expect(announced()).toHaveLength(6)
  })

  test('requests in flight of a removed route do not bring its series back', () => {
    const { metrics, announced } = setup()
    const route = new RouteMetrics(metrics, LABELS)
    const inFlight = route.for('', 'n:1')
    route.retire()
    metrics.forget('route', new Set(['r1']))
    announced()
    inFlight?.record(200, 1, 1, 1, 1)
    inFlight?.record(200, 1, 1, 1, 1)
    expect(route.for('', 'n:1')).toBeUndefined()
    expect(route.for('', 'n:2')).toBeUndefined()
    expect(announced()).toEqual([])
  })

  test('what is kept at hand is bounded, and series are not made twice for it', () => {
    const { metrics, announced } = setup()
    const route = new RouteMetrics(metrics, LABELS)
    const first = route.for('', 'n:0')
    for (let node = 1; node < 1_001; node++) route.for('', `n:${node}`)
    announced()
    expect(route.for('', 'n:0')).not.toBe(first)
    expect(announced()).toEqual([])
  })
})
