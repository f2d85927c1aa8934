export type Fields = Readonly<Record<string, unknown>>

/** A resource of APISIX as it was found. */
export interface SourceItem {
  /** As APISIX names the list: `routes`, `consumers`, `secrets`, … */
  readonly kind: string
  /** Where it stands: a JSON Pointer into the file, or `/routes/1` of a running gateway. */
  readonly path: string
  readonly value: Fields
}

/** The lists that APISIX keeps, in the order in which they are asked for. */
export const APISIX_KINDS = [
  'ssls',
  'protos',
  'upstreams',
  'services',
  'plugin_configs',
  'consumer_groups',
  'global_rules',
  'plugin_metadata',
  'consumers',
  'secrets',
  'routes',
  'stream_routes',
] as const

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A list of APISIX by an older name of it: `ssl`, `global_rule`. undefined: it has no such list. */
export function kindNamed(name: string): string | undefined {
  return APISIX_KINDS.find((kind) => kind === name || kind === `${name}s`)
}
