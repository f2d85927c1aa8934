import { describe, expect, test } from 'vitest'
import { ControlMetrics } from './control-metrics.ts'
import type { MetricDefinition } from './definitions.ts'
import { OVERFLOW_RESERVE_CELLS, Slab } from './slab.ts'
import { type SeriesBatch, WorkerMetrics, type WorkerMetricsOptions } from './worker-metrics.ts'

const HITS: MetricDefinition<'route' | 'code'> = {
  name: 'hits',
  type: 'counter',
  help: 'Hits.',
  labels: ['route', 'code'],
}
const LEVEL: MetricDefinition<never> = { name: 'level', type: 'gauge', help: 'Level.', labels: [] }
const TIME: MetricDefinition<'route'> = { name: 'time', type: 'histogram', help: 'Time.', labels: ['route'] }

/** A worker whose announcements reach the control thread only by `deliver`. */
class Thread {
  readonly metrics: WorkerMetrics
  readonly batches: SeriesBatch[] = []
  readonly #control: ControlMetrics
  readonly #index: number
  readonly #generation: number

  constructor(control: ControlMetrics, index: number, generation: number, options?: WorkerMetricsOptions) {
    this.#control = control
    this.#index = index
    this.#generation = generation
    this.metrics = new WorkerMetrics(
      control.startWorker(index, generation),
      (batch) => this.batches.push(batch),
      options,
    )
  }

  deliver(): void {
    this.metrics.flush()
    for (const batch of this.batches.splice(0))
      this.#control.receive(this.#index, this.#generation, structuredClone(batch))
  }
}

const control = (slabCells = 16_384): ControlMetrics => {
  const made = new ControlMetrics({ version: '1.2.3', slabCells })
  made.stop()
  return made
}

/** The rendered lines of the test's own metrics, without comments. */
function lines(of: ControlMetrics): string[] {
  return of
    .render()
    .split('\n')
    .filter((line) => /^(hits|level|time_sum|time_count|sekisho_metrics_overflow)/.test(line))
}

describe('WorkerMetrics and ControlMetrics', () => {
  test('counters, gauges and histograms are added up over the workers', () => {
    const main = control()
    for (const index of [0, 1]) {
      const thread = new Thread(main, index, 1)
      thread.metrics.counter(HITS, { route: 'a', code: '200' }).add()
      thread.metrics.counter(HITS, { route: 'a', code: '200' }).add(2)
      thread.metrics.gauge(LEVEL, {}).set(10 + index)
      thread.metrics.histogram(TIME, { route: 'a' }).observe(2.5)
      thread.deliver()
    }
    expect(lines(main)).toEqual([
      'hits{route="a",code="200"} 6',
      'level 21',
      'time_sum{route="a"} 5',
      'time_count{route="a"} 2',
    ])
  })

  test('a histogram counts a value into the bucket whose bound it does not exceed', () => {
    const main = control()
    const thread = new Thread(main, 0, 1)
    const time = thread.metrics.histogram(TIME, { route: 'a' })
    for (const ms of [0, 1, 1.001, 60_000, 60_001, Number.NaN, -1]) time.observe(ms)
    thread.deliver()
    const text = main.render()
    expect(text).toContain('time_bucket{route="a",le="1"} 2\n')
    expect(text).toContain('time_bucket{route="a",le="2"} 3\n')
    expect(text).toContain('time_bucket{route="a",le="30000"} 3\n')
    expect(text).toContain('time_bucket{route="a",le="60000"} 4\n')
    expect(text).toContain('time_bucket{route="a",le="+Inf"} 5\n')
    expect(text).toContain('time_count{route="a"} 5\n')
  })

  test('counters do not go down when a worker is replaced; its gauges go with it', () => {
    const main = control()
    const first = new Thread(main, 0, 1)
    first.metrics.counter(HITS, { route: 'a', code: '200' }).add(5)
    first.metrics.gauge(LEVEL, {}).set(7)
    first.metrics.histogram(TIME, { route: 'a' }).observe(3)
    first.deliver()
    main.endWorker(0, 1)
    expect(lines(main)).toEqual(['hits{route="a",code="200"} 5', 'time_sum{route="a"} 3', 'time_count{route="a"} 1'])
    const second = new Thread(main, 0, 2)
    second.metrics.counter(HITS, { route: 'a', code: '200' }).add(1)
    second.deliver()
    // Late words of the first are not taken for the second's.
    first.metrics.counter(HITS, { route: 'late', code: '200' }).add(1)
    first.deliver()
    main.endWorker(0, 1)
    expect(lines(main)).toEqual(['hits{route="a",code="200"} 6', 'time_sum{route="a"} 3', 'time_count{route="a"} 1'])
    // A third generation without word of the second's end folds it.
    new Thread(main, 0, 3)
    expect(lines(main)[0]).toBe('hits{route="a",code="200"} 6')
  })

  test('announcements of one turn are one batch', async () => {
    const thread = new Thread(control(), 0, 1)
    thread.metrics.counter(HITS, { route: 'a', code: '200' })
    thread.metrics.counter(HITS, { route: 'b', code: '200' })
    thread.metrics.counter(HITS, { route: 'a', code: '200' })
    expect(thread.batches).toEqual([])
    await Promise.resolve()
    expect(thread.batches).toHaveLength(1)
    expect(thread.batches[0].defined).toEqual([HITS])
    expect(thread.batches[0].added.map((series) => series.labels)).toEqual([
      ['a', '200'],
      ['b', '200'],
    ])
  })

  test('forgotten series are gone, their cells are reused, and whoever still holds them changes nothing', () => {
    const main = control()
    const thread = new Thread(main, 0, 1)
    const old = thread.metrics.counter(HITS, { route: 'old', code: '200' })
    const kept = thread.metrics.counter(HITS, { route: 'kept', code: '200' })
    const oldTime = thread.metrics.histogram(TIME, { route: 'old' })
    old.add(3)
    kept.add(4)
    thread.deliver()
    const { cell } = old
    thread.metrics.forget('route', new Set(['old']))
    const fresh = thread.metrics.counter(HITS, { route: 'new', code: '200' })
    expect(fresh.cell).toBe(cell)
    fresh.add(9)
    old.add(100)
    oldTime.observe(100)
    expect(old.forgotten).toBe(true)
    // The control thread has not heard of it yet, and must not take the new series' count for the old one's.
    expect(lines(main)).toEqual(['hits{route="kept",code="200"} 4'])
    thread.deliver()
    expect(lines(main)).toEqual(['hits{route="kept",code="200"} 4', 'hits{route="new",code="200"} 9'])
  })

  test('forgetting on the control thread drops what ended workers had counted', () => {
    const main = control()
    const thread = new Thread(main, 0, 1)
    thread.metrics.counter(HITS, { route: 'old', code: '200' }).add(3)
    thread.metrics.counter(HITS, { route: 'kept', code: '200' }).add(4)
    thread.deliver()
    main.endWorker(0, 1)
    main.forget('route', new Set(['old']))
    expect(lines(main)).toEqual(['hits{route="kept",code="200"} 4'])
  })

  test('one series can be removed', () => {
    const main = control()
    main.own.gauge(LEVEL, {}).set(1)
    expect(lines(main)).toEqual(['level 1'])
    main.own.remove(LEVEL, {})
    main.own.remove(LEVEL, {})
    expect(lines(main)).toEqual([])
  })

  test('beyond the limit of series of a metric, one series takes all, and a counter says so', () => {
    const main = control()
    const thread = new Thread(main, 0, 1, { maxSeriesPerMetric: 2 })
    for (let route = 0; route < 5; route++) thread.metrics.counter(HITS, { route: `r${route}`, code: '200' }).add(1)
    thread.deliver()
    expect(lines(main)).toEqual([
      'hits{route="r0",code="200"} 1',
      'hits{route="r1",code="200"} 1',
      'hits{route="overflow",code="overflow"} 3',
      'sekisho_metrics_overflow_total{metric="hits"} 3',
    ])
  })

  test('the limit of a thread holds over all metrics', () => {
    const main = control()
    const thread = new Thread(main, 0, 1, { maxSeries: 1 })
    thread.metrics.counter(HITS, { route: 'a', code: '200' }).add(1)
    thread.metrics.histogram(TIME, { route: 'a' }).observe(4)
    thread.deliver()
    expect(lines(main)).toEqual([
      'hits{route="a",code="200"} 1',
      'time_sum{route="overflow"} 4',
      'time_count{route="overflow"} 1',
      'sekisho_metrics_overflow_total{metric="time"} 1',
    ])
  })

  test('a slab that is full overflows into its reserve, and writes outside of it never happen', () => {
    const cells = OVERFLOW_RESERVE_CELLS + 18 + 10
    const main = control(cells)
    const thread = new Thread(main, 0, 1)
    for (let route = 0; route < 50; route++) thread.metrics.counter(HITS, { route: `r${route}`, code: '200' }).add(1)
    thread.deliver()
    // 10 cells are 5 counters with their ids.
    expect(lines(main).filter((line) => line.endsWith('code="200"} 1'))).toHaveLength(5)
    expect(lines(main)).toContain('hits{route="overflow",code="overflow"} 45')
    expect(lines(main)).toContain('sekisho_metrics_overflow_total{metric="hits"} 45')
  })

  test('with no memory at all, counting goes nowhere and breaks nothing', () => {
    const metrics = new WorkerMetrics(Slab.createBuffer(20), () => undefined)
    metrics.histogram(TIME, { route: 'a' }).observe(1)
    expect(() => metrics.counter(HITS, { route: 'a', code: '1' }).add(1)).not.toThrow()
  })

  test('a metric has one type, one set of labels, and names that the format allows', () => {
    const { metrics } = new Thread(control(), 0, 1)
    metrics.counter(HITS, { route: 'a', code: '200' })
    expect(() => metrics.gauge(HITS, { route: 'a', code: '200' })).toThrow('hits is a counter, not a gauge')
    expect(() => metrics.counter({ ...HITS, labels: ['route'] }, { route: 'a' })).toThrow(
      'already defined with another type or other labels',
    )
    expect(() => metrics.counter({ ...HITS, name: '9lives' }, { route: 'a', code: '1' })).toThrow(
      "'9lives' is not a metric name",
    )
    expect(() => metrics.histogram({ ...TIME, name: 'x', labels: ['le'] }, { le: '1' })).toThrow(
      "'le' is not a label name",
    )
    expect(() => metrics.counter({ ...HITS, name: 'y', labels: ['a', 'a'] }, { a: '1' })).toThrow('y has a label twice')
  })

  test('a thread that defines a metric in another way than those before it is left out', () => {
    const main = control()
    const first = new Thread(main, 0, 1)
    const second = new Thread(main, 1, 1)
    first.metrics.counter(HITS, { route: 'a', code: '200' }).add(1)
    second.metrics.counter({ ...HITS, labels: ['code'] }, { code: '200' }).add(1)
    first.deliver()
    second.deliver()
    expect(lines(main)).toEqual(['hits{route="a",code="200"} 1'])
  })
})
