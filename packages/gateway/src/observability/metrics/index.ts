export { ControlMetrics, type ControlMetricsOptions } from './control-metrics.ts'
export {
  HISTOGRAM_BOUNDS_MS,
  type LabelValues,
  type MetricDefinition,
  METRICS,
  type MetricType,
} from './definitions.ts'
export { MetricsServer, type MetricsServerOptions } from './metrics-server.ts'
export { OutcomeCounts } from './outcome-counts.ts'
export { RequestMetrics, type RouteLabels, RouteMetrics } from './request-metrics.ts'
export type { Counter, Gauge, Histogram } from './series.ts'
export { DEFAULT_SLAB_CELLS, Slab } from './slab.ts'
export { TEXT_FORMAT_TYPE } from './text-format.ts'
export {
  DEFAULT_MAX_SERIES,
  DEFAULT_MAX_SERIES_PER_METRIC,
  OVERFLOW_LABEL,
  type SeriesBatch,
  WorkerMetrics,
  type WorkerMetricsOptions,
} from './worker-metrics.ts'
