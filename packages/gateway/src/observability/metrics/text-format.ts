import { HISTOGRAM_BOUNDS_MS, type MetricDefinition } from './definitions.ts'

/** What a server says it sends: the Prometheus text format, version 0.0.4. */
export const TEXT_FORMAT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The labels of a series as they stand between the braces: `code="200",route="r1"`. Escaped once, when the series is made. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  let text = ''
  for (let index = 0; index < names.length; index++) {
    text += `${index === 0 ? '' : ','}${names[index]}="${escapeLabel(values[index])}"`
  }
  return text
}

/**
 * Appends one metric with all its series. Names are written as they are: the rule that a counter ends in `_total` is OpenMetrics'; in
 * this format a counter may have any name (`sekisho_http_status` has the shape of its namesake in APISIX).
 *
 * @param samples label text and values: one cell, or a histogram's counts by bucket and sum
 */
export function renderMetric(
  lines: string[],
  definition: MetricDefinition,
  samples: Iterable<readonly [labels: string, cells: ArrayLike<number>]>,
): void {
  const { name, type, help } = definition
  let first = true
  for (const [labels, cells] of samples) {
    if (first) {
      lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`)
      first = false
    }
    if (type === 'histogram') renderHistogram(lines, name, labels, cells)
    else lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${numberText(cells[0])}`)
  }
}

function renderHistogram(lines: string[], name: string, labels: string, cells: ArrayLike<number>): void {
  const front = labels === '' ? '' : `${labels},`
  const buckets = HISTOGRAM_BOUNDS_MS.length
  let count = 0
  for (let bucket = 0; bucket < buckets; bucket++) {
    count += cells[bucket]
    lines.push(`${name}_bucket{${front}le="${HISTOGRAM_BOUNDS_MS[bucket]}"} ${numberText(count)}`)
  }
  count += cells[buckets]
  lines.push(`${name}_bucket{${front}le="+Inf"} ${numberText(count)}`)
  const braces = labels === '' ? '' : `{${labels}}`
  lines.push(`${name}_sum${braces} ${numberText(cells[buckets + 1])}`, `${name}_count${braces} ${numberText(count)}`)
}

function escapeLabel(value: string): string {
  if (!/[\\"\n]/.test(value)) return value
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
