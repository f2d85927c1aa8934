import { readdirSync } from 'node:fs'
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { MetricDefinition } from './definitions.ts'
import { renderMetric } from './text-format.ts'

/** How often the delay of the event loop is measured: 50 wake-ups a second cost 0.1% of a core. */
const EVENT_LOOP_RESOLUTION_MS = 20

const NANOSECONDS = 1e9
const MICROSECONDS = 1e6

/**
 * Metrics of the process, under the names that Prometheus' client libraries use, so that common dashboards find them. The
 * CPU time, memory and descriptors are those of all threads; heap and event loop those of the thread that asks (the control thread).
 */
export class ProcessMetrics {
  readonly #delay: IntervalHistogram
  readonly #startTimeSeconds = Date.now() / 1_000 - process.uptime()

  constructor() {
    this.#delay = monitorEventLoopDelay({ resolution: EVENT_LOOP_RESOLUTION_MS })
    this.#delay.enable()
  }

  /** Appends the metrics. The delays of the event loop are those since the last call. */
  render(lines: string[]): void {
    const cpu = process.cpuUsage()
    const memory = process.memoryUsage()
    const write = (type: MetricDefinition['type'], name: string, help: string, value: number): void =>
      renderMetric(lines, { name, type, help, labels: [] }, [['', [value]]])

    write('counter', 'process_cpu_user_seconds_total', 'CPU time in user mode.', cpu.user / MICROSECONDS)
    write('counter', 'process_cpu_system_seconds_total', 'CPU time in the kernel.', cpu.system / MICROSECONDS)
    write('counter', 'process_cpu_seconds_total', 'CPU time.', (cpu.user + cpu.system) / MICROSECONDS)
    write('gauge', 'process_start_time_seconds', 'When the process started, in Unix time.', this.#startTimeSeconds)
    write('gauge', 'process_uptime_seconds', 'How long the process has run.', process.uptime())
    write('gauge', 'process_resident_memory_bytes', 'Resident memory.', memory.rss)
    const descriptors = openDescriptors()
    if (descriptors !== undefined) write('gauge', 'process_open_fds', 'Open file descriptors.', descriptors)
    write('gauge', 'nodejs_heap_size_total_bytes', 'Heap that the control thread has reserved.', memory.heapTotal)
    write('gauge', 'nodejs_heap_size_used_bytes', 'Heap that the control thread uses.', memory.heapUsed)
    write('gauge', 'nodejs_external_memory_bytes', "Memory outside of the control thread's heap.", memory.external)
    this.#renderDelay(write)
  }

  stop(): void {
    this.#delay.disable()
  }

  #renderDelay(write: (type: 'gauge', name: string, help: string, value: number) => void): void {
    const delay = this.#delay
    // What is recorded is the time between two wake-ups, the resolution included. Nothing recorded yet gives NaN.
    const seconds = (nanoseconds: number): number =>
      delay.count === 0 ? 0 : Math.max(0, nanoseconds / NANOSECONDS - EVENT_LOOP_RESOLUTION_MS / 1_000)
    const help = 'Delay of the event loop of the control thread since the last scrape'
    write('gauge', 'nodejs_eventloop_lag_mean_seconds', `${help}: mean.`, seconds(delay.mean))
    write('gauge', 'nodejs_eventloop_lag_p50_seconds', `${help}: median.`, seconds(delay.percentile(50)))
    write('gauge', 'nodejs_eventloop_lag_p99_seconds', `${help}: 99th percentile.`, seconds(delay.percentile(99)))
    write('gauge', 'nodejs_eventloop_lag_max_seconds', `${help}: maximum.`, seconds(delay.max))
    delay.reset()
  }
}

/** Where the system does not list them (Windows, some containers) the metric is left out. */
function openDescriptors(): number | undefined {
  try {
    // The listing itself has one open.
    return readdirSync(process.platform === 'linux' ? '/proc/self/fd' : '/dev/fd').length - 1
  } catch {
    return undefined
  }
}
