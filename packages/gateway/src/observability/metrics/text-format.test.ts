import { describe, expect, test } from 'vitest'
import { ControlMetrics } from './control-metrics.ts'
import { METRICS } from './definitions.ts'
import { RouteMetrics } from './request-metrics.ts'
import { labelText, renderMetric } from './text-format.ts'
import { WorkerMetrics } from './worker-metrics.ts'

interface Sample {
  readonly name: string
  readonly labels: Record<string, string>
  readonly value: number
}
interface Family {
  readonly type: string
  readonly help: string
  readonly samples: Sample[]
}

/**
 * A strict reader of the text format 0.0.4, written from its specification ("Exposition formats" in Prometheus' documentation):
 * lines end in LF, HELP and TYPE once and before the samples, all lines of a metric together, no series twice, histograms cumulative,
 * with +Inf equal to the count.
 */
function parse(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line must end in a line feed')
  const families = new Map<string, Family>()
  const seen = new Set<string>()
  let help: { name: string; text: string } | undefined
  let current: (Family & { name: string }) | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    if (comment?.[1] === 'HELP') {
      if (/\\(?![\\n])/.test(comment[3])) throw new Error(`wrong escape in ${line}`)
      help = {
        name: comment[2],
        text: comment[3].replace(/\\([\\n])/g, (_, char: string) => (char === 'n' ? '\n' : char)),
      }
    } else if (comment !== null) {
      if (!/^(counter|gauge|histogram)$/.test(comment[3])) throw new Error(`wrong type in ${line}`)
      if (help?.name !== comment[2] || families.has(comment[2]))
        throw new Error(`${line}: not right after its HELP, or twice`)
      current = { name: comment[2], type: comment[3], help: help.text, samples: [] }
      families.set(comment[2], current)
    } else {
      const sample = parseSample(line)
      const suffix = current?.type === 'histogram' ? /^_(bucket|sum|count)$/ : /^$/
      if (
        current === undefined ||
        !sample.name.startsWith(current.name) ||
        !suffix.test(sample.name.slice(current.name.length))
      ) {
        throw new Error(`${line}: does not belong to the metric before it`)
      }
      const labels = Object.entries(sample.labels).map(([label, value]) => JSON.stringify([label, value]))
      const key = `${sample.name} ${labels.toSorted((one, other) => (one < other ? -1 : 1)).join()}`
      if (seen.has(key)) throw new Error(`${line}: twice`)
      seen.add(key)
      current.samples.push(sample)
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family)
  return families
}

function parseSample(line: string): Sample {
  const start = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{)?/.exec(line)
  if (start === null) throw new Error(`not a sample: ${line}`)
  const labels: Record<string, string> = {}
  let rest = line.slice(start[0].length)
  if (start[2] !== undefined) {
    while (!rest.startsWith('}')) {
      const pair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,?)/.exec(rest)
      if (pair === null || pair[1] in labels) throw new Error(`wrong label in ${line}`)
      labels[pair[1]] = pair[2].replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
      rest = rest.slice(pair[0].length)
      if (pair[3] === '' && !rest.startsWith('}')) throw new Error(`comma missing in ${line}`)
    }
    rest = rest.slice(1)
  }
  const value = /^ ([-+]?(?:[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?|Inf)|NaN)$/.exec(rest)
  if (value === null) throw new Error(`wrong value in ${line}`)
  return { name: start[1], labels, value: Number(value[1].replace('Inf', 'Infinity')) }
}

function checkHistogram(name: string, family: Family): void {
  const series = new Map<string, Sample[]>()
  for (const sample of family.samples) {
    const key = JSON.stringify({ ...sample.labels, le: '' })
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  for (const [labels, samples] of series) {
    const buckets = samples.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map((bucket) => Number(bucket.labels.le.replace('Inf', 'Infinity')))
    const ascends = (values: number[], strictly: boolean): boolean =>
      values.every(
        (value, index) => index === 0 || value > values[index - 1] || (!strictly && value === values[index - 1]),
      )
    const count = samples.find((sample) => sample.name === `${name}_count`)
    const sum = samples.find((sample) => sample.name === `${name}_sum`)
    if (bounds.at(-1) !== Infinity || !ascends(bounds, true)) throw new Error(`wrong bounds in ${name} ${labels}`)
    if (
      !ascends(
        buckets.map((bucket) => bucket.value),
        false,
      )
    )
      throw new Error(`${name} ${labels} is not cumulative`)
    if (sum === undefined || count?.value !== buckets.at(-1)?.value) throw new Error(`wrong count in ${name} ${labels}`)
  }
}

describe('text format', () => {
  test('everything that a gateway renders is read by a strict parser, with the values that were counted', () => {
    const control = new ControlMetrics({ version: '1.2.3', slabCells: 16_384 })
    const worker = new WorkerMetrics(control.startWorker(0, 1), (batch) => control.receive(0, 1, batch))
    const route = new RouteMetrics(worker, { route: 'r"1\\', service: '', matchedUri: '/a/*\n', matchedHost: 'é.test' })
    route.for('jack', '127.0.0.1:1980')?.record(200, 12.5, 10, 100, 2_000)
    route.for('jack', '127.0.0.1:1980')?.record(502, 70_000, 69_000, 50, 10)
    route.for('', '')?.record(401, 0.25, -1, 80, 20)
    worker.counter(METRICS.httpRequests, {}).add(3)
    worker.gauge(METRICS.connections, { state: 'active' }).set(7)
    control.own.gauge(METRICS.configRevision, {}).set(1e21)
    control.own.gauge(METRICS.upstreamStatus, { name: 'up', ip: '::1', port: '80' }).set(0)
    worker.flush()
    const families = parse(control.render())
    control.stop()

    const value = (name: string, labels: Record<string, string>, sample = name): number | undefined =>
      families
        .get(name)
        ?.samples.find(
          (one) => one.name === sample && Object.entries(labels).every(([label, text]) => one.labels[label] === text),
        )?.value
    expect(families.get('sekisho_http_status')?.samples.find((sample) => sample.labels.code === '200')).toEqual({
      name: 'sekisho_http_status',
      labels: {
        code: '200',
        route: 'r"1\\',
        matched_uri: '/a/*\n',
        matched_host: 'é.test',
        service: '',
        consumer: 'jack',
        node: '127.0.0.1:1980',
      },
      value: 1,
    })
    expect(value('sekisho_http_requests_total', {})).toBe(3)
    expect(value('sekisho_http_latency', { type: 'request', consumer: 'jack' }, 'sekisho_http_latency_sum')).toBe(
      70_012.5,
    )
    expect(value('sekisho_http_latency', { type: 'gateway', consumer: 'jack' }, 'sekisho_http_latency_sum')).toBe(
      1_002.5,
    )
    expect(value('sekisho_http_latency', { type: 'gateway', consumer: '' }, 'sekisho_http_latency_sum')).toBe(0.25)
    expect(value('sekisho_http_latency', { type: 'upstream', consumer: '' }, 'sekisho_http_latency_count')).toBe(0)
    expect(
      value('sekisho_http_latency', { type: 'request', consumer: 'jack', le: '20' }, 'sekisho_http_latency_bucket'),
    ).toBe(1)
    expect(value('sekisho_bandwidth', { type: 'egress', consumer: 'jack' })).toBe(2_010)
    expect(value('sekisho_connections', { state: 'active' })).toBe(7)
    expect(value('sekisho_config_revision', {})).toBe(1e21)
    expect(value('sekisho_upstream_status', { ip: '::1' })).toBe(0)
    expect(value('sekisho_node_info', { version: '1.2.3' })).toBe(1)
    expect(value('process_resident_memory_bytes', {})).toBeGreaterThan(1e6)
    expect(value('process_cpu_seconds_total', {})).toBeGreaterThan(0)
    expect(value('process_open_fds', {})).toBeGreaterThan(2)
    expect(value('nodejs_eventloop_lag_max_seconds', {})).toBeGreaterThanOrEqual(0)
    for (const family of families.values()) expect(family.help).toMatch(/^[A-Z].*\.$/)
  })

  test('escapes labels and help, and writes numbers that are not finite', () => {
    expect(labelText(['a', 'b'], ['x"y\\z\n', ''])).toBe('a="x\\"y\\\\z\\n",b=""')
    const lines: string[] = []
    renderMetric(lines, { name: 'm', type: 'gauge', help: 'one\\two\nthree "four"', labels: ['a'] }, [
      ['a="1"', [Number.POSITIVE_INFINITY]],
      ['a="2"', [Number.NEGATIVE_INFINITY]],
      ['a="3"', [Number.NaN]],
      ['', [0.5]],
    ])
    expect(lines).toEqual([
      '# HELP m one\\\\two\\nthree "four"',
      '# TYPE m gauge',
      'm{a="1"} +Inf',
      'm{a="2"} -Inf',
      'm{a="3"} NaN',
      'm 0.5',
    ])
  })

  test('a metric without series is not mentioned', () => {
    const lines: string[] = []
    renderMetric(lines, { name: 'm', type: 'counter', help: 'x', labels: [] }, [])
    expect(lines).toEqual([])
  })

  test('the parser of this test refuses what the format does not allow', () => {
    const head = '# HELP m x\n# TYPE m counter\n'
    expect(() => parse(`${head}m 1`)).toThrow('must end in a line feed')
    expect(() => parse(`${head}m{a="1",a="2"} 1\n`)).toThrow('wrong label')
    expect(() => parse(`${head}m{a="1"b="2"} 1\n`)).toThrow('comma missing')
    expect(() => parse(`${head}m 1\nm 2\n`)).toThrow('twice')
    expect(() => parse(`${head}other 1\n`)).toThrow('does not belong')
    expect(() => parse(`${head}m x\n`)).toThrow('wrong value')
  })
})
