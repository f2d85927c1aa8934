import { PluginRegistry } from '../../plugins/plugin-registry.ts'
import { idField } from '../../resources/identity.ts'
import { RESOURCE_KINDS } from '../../resources/kind-names.ts'
import type { ConfigSource } from '../../config/source.ts'
import { defined, type Fields, type Noted } from '../output/noted.ts'
import { renderYaml } from '../output/render-yaml.ts'
import { Report } from '../report/report.ts'
import { located, type LocatedFinding } from '../report/report-lines.ts'
import type { ImportContext, Resource } from './import-context.ts'
import { cacheSetting, noteOnCaches } from './output/cache-zones.ts'
import { closedNote } from './output/close.ts'
import { discoverySetting, noteOnDiscovery } from './output/discovery.ts'
import { noteOnListeners } from './output/listeners.ts'
import { prune } from './output/prune.ts'
import { leaveOutEmpty } from './output/leave-out-empty.ts'
import { readItems } from './resources/read-items.ts'
import { readApisixFile } from './source/read-file.ts'
import { readRunningGateway } from './source/running-gateway.ts'
import type { SourceItem } from './source/source-item.ts'

export { renderReport } from '../report/report-lines.ts'

/** A configuration of ours, and what became of the rest. */
export interface ApisixImport {
  readonly yaml: string
  readonly findings: readonly LocatedFinding[]
  /** Something is not in the result: more than warnings were found. */
  readonly isLossy: boolean
}

/** What is no configuration of APISIX, and why. */
export interface ApisixFailure {
  readonly failure: string
}

/**
 * Reads what APISIX is configured by, and writes a `sekisho.yaml` that does the same. Never throws for what stands in the file.
 *
 * @param file names it in the findings
 * @param text an `apisix.yaml` (standalone mode), the same as JSON, or answers of its Admin API as JSON
 */
export async function importApisix(file: string, text: string): Promise<ApisixImport | ApisixFailure> {
  const report = new Report()
  const read = readApisixFile(file, text, report)
  if ('failure' in read) return read
  return importItems(file, read.items, report, read.source)
}

/** The same of a gateway that runs, by its Admin API. @param address `http://127.0.0.1:9180` */
export async function importRunningApisix(
  address: string,
  key: string | undefined,
): Promise<ApisixImport | ApisixFailure> {
  const plugins = new PluginRegistry()
  const items = await readRunningGateway(address, key, plugins.names())
  return 'failure' in items ? items : importItems(address, items, new Report(), undefined)
}

async function importItems(
  file: string,
  items: readonly SourceItem[],
  report: Report,
  source: ConfigSource | undefined,
): Promise<ApisixImport> {
  const plugins = new PluginRegistry()
  await plugins.loadAll()
  const context: ImportContext = { report, plugins, resources: [], lostFilters: new Set() }
  readItems(items, context)
  leaveOutEmpty(context)
  const listen = await prune(context, 'sekisho.yaml')
  const discovery = discoverySetting(context.resources)
  const caches = cacheSetting(context.resources)
  const settings = {
    listen,
    ...(discovery === undefined ? {} : { discovery }),
    ...(caches === undefined ? {} : { proxy_cache: caches }),
  }
  const yaml = renderYaml(heading(file, context), settings, lists(context.resources))
  const findings = located(file, source, report.findings())
  return { yaml, findings, isLossy: findings.some(({ kind }) => kind !== 'warning') }
}

function heading(file: string, context: ImportContext): string[] {
  const lines = [`Made from ${file.replaceAll(/[^ -~]/g, '?')} by "sekisho import apisix".`, noteOnListeners(context)]
  const discovery = discoverySetting(context.resources)
  if (discovery !== undefined) lines.push(noteOnDiscovery(discovery))
  const caches = cacheSetting(context.resources)
  if (caches !== undefined) lines.push(noteOnCaches(caches))
  if (context.lostFilters.size > 0)
    lines.push(`APISIX looked at requests by ${[...context.lostFilters].join(', ')}: this lets them through unchecked.`)
  const closed = context.resources.filter(({ lostGuards }) => lostGuards.size > 0).length
  if (closed > 0)
    lines.push(`Closed, as what guarded them could not be carried over: ${closed}. Look for "Closed" below.`)
  return lines
}

/** In the order of a file that people write. */
const lists = (resources: readonly Resource[]): Record<string, readonly Noted[]> =>
  Object.fromEntries(
    RESOURCE_KINDS.map((kind) => [kind, resources.filter((one) => one.kind === kind).map((one) => noted(one))]),
  )

const FIRST = ['id', 'username', 'name', 'desc', 'labels', 'uri', 'uris', 'host', 'hosts', 'methods', 'priority']

function noted(resource: Resource): Noted {
  const { kind, fields, notes, lostGuards } = resource
  const { plugins, ...rest } = fields
  const names = [...new Set([idField(kind), ...FIRST, ...Object.keys(rest)])]
  const ordered: Fields = Object.fromEntries(names.map((name) => [name, rest[name]]))
  return {
    fields: defined({ ...ordered, plugins }),
    notes: lostGuards.size === 0 ? notes : [...notes, closedNote(resource)],
  }
}
