import { KIND_SINGULAR, type ResourceKind } from '../../resources/kind-names.ts'
import { suggest } from '../explain/suggest.ts'
import type { CheckContext, Entry } from './entry.ts'

/** Fields that hold the id of another resource. */
export const REFERENCES: Partial<Record<ResourceKind, readonly (readonly [field: string, kind: ResourceKind])[]>> = {
  routes: [
    ['upstream_id', 'upstreams'],
    ['service_id', 'services'],
    ['plugin_config_id', 'plugin_configs'],
  ],
  stream_routes: [
    ['upstream_id', 'upstreams'],
    ['service_id', 'services'],
  ],
  services: [['upstream_id', 'upstreams']],
  consumers: [['group_id', 'consumer_groups']],
}

/** What is referred to must be there. */
export function checkReferences({ known, findings }: CheckContext, { kind, item, path }: Entry): void {
  for (const [field, target] of REFERENCES[kind] ?? []) {
    const id = item[field] as string | number | undefined
    if (id === undefined || known.has(target, String(id))) continue
    const meant = suggest(String(id), known.ids(target))
    findings.add({
      path: `${path}/${field}`,
      value: JSON.stringify(id),
      message: `there is no ${KIND_SINGULAR[target]} with this id`,
      remedy: meant === undefined ? `add it to "${target}"` : `did you mean "${meant}"?`,
    })
  }
}
