import type { DescService, FileRegistry } from '@bufbuild/protobuf'
import { RuleTable } from '../../transcoding/http-rules/rule-table.ts'
import { suggest } from '../explain/suggest.ts'
import type { Findings } from '../problem.ts'
import type { Entry } from './entry.ts'

const PLUGIN = 'grpc-transcode'

/** What this plugin's configuration says about a proto, as far as its schema was kept. */
interface Config {
  readonly service?: unknown
  readonly method?: unknown
  readonly status_detail_type?: unknown
  readonly _meta?: { readonly disable?: unknown }
}

/** A `grpc-transcode` names what is in its proto, and HTTP rules that it goes by have nothing wrong. */
export function checkTranscoding({ item, path }: Entry, registry: FileRegistry, findings: Findings): void {
  const config = (item['plugins'] as Record<string, Config> | undefined)?.[PLUGIN]
  if (config === undefined || config._meta?.disable === true) return
  checkNames(config, registry, `${path}/plugins/${PLUGIN}`, findings)
}

function checkNames(config: Config, registry: FileRegistry, path: string, findings: Findings): void {
  const { service: name, method, status_detail_type: detail } = config
  const unknown = (field: string, value: string, what: string, known: string[]): void => {
    const meant = suggest(value, known)
    const remedy = meant === undefined ? undefined : `did you mean "${meant}"?`
    findings.add({
      path: `${path}/${field}`,
      value: JSON.stringify(value),
      message: `there is no ${what} of this name`,
      remedy,
    })
  }
  if (typeof detail === 'string' && registry.getMessage(detail) === undefined) {
    const types = [...registry].filter((desc) => desc.kind === 'message')
    unknown(
      'status_detail_type',
      detail,
      'message',
      types.map(({ typeName }) => typeName),
    )
  }
  const services = [...registry].filter((desc) => desc.kind === 'service')
  if (typeof name !== 'string') return checkRules(services, path, findings)
  const service = registry.getService(name)
  if (service === undefined) {
    return unknown(
      'service',
      name,
      'service',
      services.map(({ typeName }) => typeName),
    )
  }
  if (typeof method !== 'string') return checkRules([service], path, findings)
  if (service.methods.every((each) => each.name !== method)) {
    unknown(
      'method',
      method,
      `method in ${name}`,
      service.methods.map((each) => each.name),
    )
  }
}

function checkRules(services: readonly DescService[], path: string, findings: Findings): void {
  if (services.length === 0) findings.add({ path: `${path}/proto_id`, message: 'names a proto without services' })
  for (const { method, message } of new RuleTable(services).problems) {
    findings.add({ path, message: `the HTTP rule of ${method.parent.typeName}.${method.name} is wrong: ${message}` })
  }
}
