import { expect, it } from 'vitest'
import type { FunctionLogging } from '../model/deployed-function.ts'
import { FunctionMetrics } from './function-metrics.ts'
import { type FunctionReading, renderMetrics } from './metrics.ts'
import { figuresOf, SUCCESS, TIMEOUT } from './outcome.ts'
import { platformLogOf } from './platform-log.ts'
import { estimateCost, PUBLISHED_PRICES } from './prices.ts'
import { sampledSegment } from './trace-header.ts'

const TEXT: FunctionLogging = { format: 'Text', applicationLevel: undefined, systemLevel: undefined, group: 'g' }
const NOON = Date.UTC(2026, 10, 21, 12)

it.each([
  [128.83, 166.62, 296],
  [1, undefined, 1],
  [1.001, undefined, 1],
  [1.01, undefined, 2],
  [0, undefined, 0],
  [3000, undefined, 3000],
  [0.1, 0.2, 1],
])('bills %d ms and an init of %s as %d', (durationMs, initMs, billedMs) => {
  expect(figuresOf(durationMs, 128, 10, initMs).billedMs).toBe(billedMs)
})

it('writes text lines to the byte', () => {
  const log = platformLogOf(TEXT)
  expect(log.start('id', '$LATEST', NOON)).toBe('START RequestId: id Version: $LATEST')
  expect(log.end('id', 1, SUCCESS, NOON)).toBe('END RequestId: id')
  const figures = figuresOf(1.5, 128, 74, undefined)
  const line =
    'REPORT RequestId: id\tDuration: 1.50 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 74 MB\t'
  expect(log.report('id', figures, SUCCESS, undefined, NOON)).toBe(line)
  expect(log.report('id', figures, { status: 'failure', errorType: 'Function.X' }, undefined, NOON)).toBe(line)
  expect(log.report('id', figures, TIMEOUT, undefined, NOON)).toBe(`${line}Status: timeout`)
  expect(log.report('id', figures, SUCCESS, 'Root=1-a-b;Parent=c;Sampled=1', NOON)).toBe(
    `${line}\nXRAY TraceId: 1-a-b\tSegmentId: c\tSampled: true`,
  )
})

it('knows what is traced', () => {
  expect(sampledSegment('Root=1-a;Parent=b;Sampled=0')).toBeUndefined()
  expect(sampledSegment('Sampled=1')).toBeUndefined()
  expect(sampledSegment('Root=1-a;Sampled=1')).toEqual({ traceId: '1-a', segmentId: '0000000000000000' })
})

it('has levels in JSON', () => {
  const figures = figuresOf(1, 128, 10, undefined)
  const at = (systemLevel: string | undefined) => {
    const log = platformLogOf({ ...TEXT, format: 'JSON', systemLevel })
    return [
      log.start('id', '1', NOON),
      log.end('id', 1, SUCCESS, NOON),
      log.report('id', figures, SUCCESS, undefined, NOON),
      log.report('id', figures, TIMEOUT, undefined, NOON),
      log.problem('id', 'Task timed out', TIMEOUT, NOON),
    ].map((text) => text !== undefined)
  }
  expect(at('DEBUG')).toEqual([true, true, true, true, true])
  expect(at(undefined)).toEqual([true, false, true, true, true])
  expect(at('WARN')).toEqual([false, false, false, true, true])
})

it('estimates the cost by the published price', () => {
  // A million requests of 100 ms at 1 GB: 100,000 GB-s and the requests.
  expect(estimateCost(PUBLISHED_PRICES, 1e6, 1e6 * 100 * 1024)).toBeCloseTo(1.66667 + 0.2, 4)
})

it('renders for Prometheus', () => {
  const metrics = new FunctionMetrics('echo')
  metrics.invocations = 2
  metrics.ended(figuresOf(0.4, 128, 74, undefined))
  metrics.ended(figuresOf(20, 128, 74, undefined))
  metrics.failed('Sandbox.Timedout', false)
  metrics.throttled('ConcurrentInvocationLimitExceeded')
  const reading: FunctionReading = { metrics, concurrency: 1, starting: 0, busy: 1, idle: 3 }
  const text = renderMetrics([reading], PUBLISHED_PRICES)
  for (const line of [
    '# TYPE sekisho_function_invocations_total counter',
    'sekisho_function_invocations_total{function="echo"} 2',
    'sekisho_function_errors_total{function="echo"} 1',
    'sekisho_function_timeouts_total{function="echo"} 1',
    'sekisho_function_throttles_total{function="echo",reason="ConcurrentInvocationLimitExceeded"} 1',
    'sekisho_function_duration_seconds_bucket{function="echo",le="0.0005"} 1',
    'sekisho_function_duration_seconds_bucket{function="echo",le="0.025"} 2',
    'sekisho_function_duration_seconds_bucket{function="echo",le="+Inf"} 2',
    'sekisho_function_duration_seconds_sum{function="echo"} 0.020399999999999998',
    'sekisho_function_concurrent_executions{function="echo"} 1',
    'sekisho_function_environments{function="echo",state="idle"} 3',
    'sekisho_function_max_memory_bytes{function="echo"} 77594624',
    'sekisho_function_billed_seconds_total{function="echo"} 0.021',
  ]) {
    expect(text).toContain(`${line}\n`)
  }
  expect(renderMetrics([], PUBLISHED_PRICES)).toBe('')
})
