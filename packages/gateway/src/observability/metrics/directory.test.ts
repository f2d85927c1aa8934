import { expect, it } from 'vitest'
import { ControlMetrics } from './control-metrics.ts'
import { METRICS } from './definitions.ts'
import { WorkerMetrics } from './worker-metrics.ts'

it('adds gauges up over the threads, but for those of which the least counts', () => {
  const control = new ControlMetrics({ version: 'test' })
  const workers = [0, 1].map(
    (index) => new WorkerMetrics(control.startWorker(index, 1), (batch) => control.receive(index, 1, batch)),
  )
  for (const [index, worker] of workers.entries()) {
    worker.gauge(METRICS.connections, { state: 'open' }).set(3)
    worker.gauge(METRICS.upstreamStatus, { name: 'up', ip: '10.0.0.1', port: '80' }).set(1)
    worker.gauge(METRICS.upstreamStatus, { name: 'half', ip: '10.0.0.2', port: '80' }).set(index)
    worker.flush()
  }
  const text = control.render()
  expect(text).toContain('sekisho_connections{state="open"} 6\n')
  expect(text).toContain('sekisho_upstream_status{name="up",ip="10.0.0.1",port="80"} 1\n')
  expect(text).toContain('sekisho_upstream_status{name="half",ip="10.0.0.2",port="80"} 0\n')
  control.stop()
})
