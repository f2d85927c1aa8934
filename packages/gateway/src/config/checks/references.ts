import { KIND_SINGULAR, type ResourceKind } from '../../resources/kind-names.ts'
import { suggest } from '../explain/suggest.ts'
import type { CheckContext, Entry } from './entry.ts'
import { checkNestedReferences } from './nested-upstreams.ts'

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
export function checkReferences(context: CheckContext, entry: Entry): void {
  const { kind, item, path } = entry
  for (const [field, target] of REFERENCES[kind] ?? []) {
    const id = item[field] as string | number | undefined
    if (id !== undefined) checkReference(context, target, id, `${path}/${field}`)
  }
  checkNestedReferences(context, entry)
}

/** What is written at `path` must be the id of something. Returns whether it is. */
export function checkReference(
  { known, findings }: CheckContext,
  target: ResourceKind,
  id: string | number,
  path: string,
): boolean {
  if (known.has(target, String(id))) return true
  const meant = suggest(String(id), known.ids(target))
  findings.add({
    path,
    value: JSON.stringify(id),
    message: `there is no ${KIND_SINGULAR[target]} with this id`,
    remedy: meant === undefined ? `add it to "${target}"` : `did you mean "${meant}"?`,
  })
  return false
}
