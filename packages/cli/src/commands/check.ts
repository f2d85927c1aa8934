import { jsonSchemaOfConfig } from '@sekisho/gateway/internal/config/json-schema'
import { renderProblems } from '@sekisho/gateway/internal/config/render'
import { readConfiguration } from '@sekisho/gateway/internal/explain/index'
import { PluginRegistry } from '@sekisho/gateway/internal/plugins/plugin-registry'
import { KIND_SINGULAR, RESOURCE_KINDS, type ResourceKind } from '@sekisho/gateway/internal/resources/kind-names'
import type { ResourceSet } from '@sekisho/gateway/internal/resources/resource-set'
import { certificateWarnings } from '@sekisho/gateway/internal/tls/certificate-warnings'
import { describeFeatures, tlsFeatures } from '@sekisho/gateway/internal/tls/features'
import { configurationFile } from '../configuration-file.ts'

export interface CheckOptions {
  readonly config?: string
  readonly json?: boolean
  readonly schema?: boolean
}

/** `sekisho check`: says what is wrong, or what there is. Returns the exit status. */
export async function check(options: CheckOptions): Promise<number> {
  if (options.schema === true) return printSchema(options.config)
  const file = configurationFile(options.config)
  const { read, problems } = await readConfiguration(file)
  if (read === undefined) {
    const count = `${problems.length} problem${problems.length === 1 ? '' : 's'}`
    print(options.json === true ? json({ valid: false, file, problems }) : `${renderProblems(problems)}${count}`)
    return 1
  }
  const { resources, settings } = read.config
  const tls = tlsFeatures(settings.fips)
  const warnings = certificateWarnings(resources.ssls, Date.now())
  print(
    options.json === true
      ? json({ valid: true, file, resources: counts(resources), tls, warnings })
      : [summary(file, resources), ...warnings.map((warning) => `warning: ${warning}`), describeFeatures(tls)].join(
          '\n',
        ),
  )
  // The gateway would not start here; elsewhere it may.
  return tls.fips === 'unavailable' ? 1 : 0
}

/** For editors: with the plugins of the user when a configuration leads to them. */
async function printSchema(config: string | undefined): Promise<number> {
  let plugins = new PluginRegistry()
  await plugins.loadAll()
  if (config !== undefined) plugins = (await readConfiguration(config)).read?.plugins ?? plugins
  print(json(jsonSchemaOfConfig(plugins)))
  return 0
}

/** `sekisho.yaml is valid: 12 routes, 3 services, 1 upstream`. Routes come first, as they are what it is about. */
export function summary(file: string, resources: ResourceSet): string {
  const kinds: ResourceKind[] = ['routes', ...RESOURCE_KINDS.filter((kind) => kind !== 'routes')]
  const parts = kinds
    .map((kind) => ({ kind, size: resources[kind].size }))
    .filter(({ kind, size }) => size > 0 || kind === 'routes')
    .map(({ kind, size }) => (size === 0 ? 'no routes' : `${size} ${size === 1 ? KIND_SINGULAR[kind] : kind}`))
  return `${file} is valid: ${parts.join(', ').replaceAll('_', ' ')}`
}

const counts = (resources: ResourceSet): Record<string, number> =>
  Object.fromEntries(RESOURCE_KINDS.map((kind) => [kind, resources[kind].size]))

const json = (value: unknown): string => JSON.stringify(value, undefined, 2)

const print = (text: string): void => void process.stdout.write(`${text}\n`)
