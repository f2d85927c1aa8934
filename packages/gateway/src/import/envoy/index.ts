import { readJson } from '../../config/json/read-json.ts'
import type { ReadResult } from '../../config/source.ts'
import { readYaml } from '../../config/yaml/read-yaml.ts'
import { readBootstrap } from './bootstrap.ts'
import { ClusterTable } from './clusters/cluster-table.ts'
import { emptyDraft } from './output/draft.ts'
import { Ids } from '../output/ids.ts'
import { renderYaml } from '../output/render-yaml.ts'
import { SettingsDraft } from './output/settings-draft.ts'
import { reportUnknownFields } from './reader/unknown-fields.ts'
import { Message, Reading } from './reader/message.ts'
import { Report } from '../report/report.ts'
import { located, type LocatedFinding } from '../report/report-lines.ts'
import { Secrets } from './tls/secrets.ts'

export { renderReport } from '../report/report-lines.ts'

/** A configuration of ours, and what became of the rest. */
export interface EnvoyImport {
  readonly yaml: string
  /** In the order of the file. */
  readonly findings: readonly LocatedFinding[]
  /** Something of the file is not in the result: more than warnings were found. */
  readonly isLossy: boolean
}

/** A file that is no configuration of Envoy, and why. */
export interface EnvoyFailure {
  readonly failure: string
}

/**
 * Reads a static bootstrap of Envoy (v3 API), in YAML or JSON, and writes a `sekisho.yaml` that does the same. Never
 * throws for what stands in the file.
 *
 * @param file names it in the findings; one that ends in `.json` is read as JSON
 */
export function importEnvoy(file: string, text: string): EnvoyImport | EnvoyFailure {
  // Envoy does not replace `${{NAME}}`, so that none of them may be known.
  const read: ReadResult = file.endsWith('.json') ? readJson(file, text) : readYaml(file, text, {})
  if ('findings' in read) {
    const [{ message, place }] = read.findings as readonly [(typeof read.findings)[number]]
    return { failure: `${file}${place.line === 0 ? '' : `:${place.line}:${place.column}`}  ${message}` }
  }
  const { value } = read.source
  if (typeof value !== 'object' || value === null || !('static_resources' in value || 'staticResources' in value)) {
    return { failure: `${file}  is not a bootstrap of Envoy: it has no "static_resources"` }
  }
  const report = new Report()
  const reading = new Reading(report)
  reportUnknownFields(reading, value)
  const bootstrap = new Message(reading, '', value)
  const resources = bootstrap.message('static_resources')
  const context = {
    report,
    draft: emptyDraft(),
    settings: new SettingsDraft(),
    clusters: new ClusterTable(),
    secrets: new Secrets(resources?.messages('secrets') ?? []),
    upstreamIds: new Ids(),
    sslIds: new Ids(),
    lostGuards: new Set<string>(),
  }
  readBootstrap(bootstrap, resources, context)
  reading.reportLeftovers(value)
  const { listen, ssls, upstreams, services, plugin_configs, routes, stream_routes } = context.draft
  const settings = { listen, ...context.settings.fields() }
  const lists = { ssls, upstreams, services, plugin_configs, routes, stream_routes }
  const yaml = renderYaml(heading(file, context.lostGuards), settings, lists)
  if (yaml.includes('${{')) report.add('not carried over', '', '"${{" begins the name of an environment variable here')
  const findings = located(file, read.source, report.findings())
  return {
    yaml,
    findings,
    isLossy: findings.some(({ kind }) => kind !== 'warning'),
  }
}

function heading(file: string, guards: ReadonlySet<string>): string[] {
  const lines = [`Made from ${file.replaceAll(/[^ -~]/g, '?')} by "sekisho import envoy".`]
  if (guards.size > 0)
    lines.push(`Envoy checked requests by ${[...guards].join(', ')}: this lets them through unchecked.`)
  return lines
}
