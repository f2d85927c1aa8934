import type { MappingCounts } from './mapping-runner.ts'

export interface MappingReading {
  readonly uuid: string
  readonly functionName: string
  readonly counts: MappingCounts
}

const FAMILIES: readonly (readonly [name: keyof MappingCounts, help: string])[] = [
  ['records', 'Records that came from event sources.'],
  ['batches', 'Batches that functions were called with, retries not counted.'],
  ['filtered', 'Records that no filter let pass.'],
  ['discarded', 'Records that were given up.'],
]

/** In the Prometheus text format. */
export function renderMappingMetrics(readings: readonly MappingReading[]): string {
  if (readings.length === 0) return ''
  const lines: string[] = []
  for (const [name, help] of FAMILIES) {
    const full = `sekisho_event_source_${name}_total`
    lines.push(`# HELP ${full} ${help}`, `# TYPE ${full} counter`)
    for (const { uuid, functionName, counts } of readings)
      lines.push(`${full}{function="${functionName}",mapping="${uuid}"} ${counts[name]}`)
  }
  return `${lines.join('\n')}\n`
}
