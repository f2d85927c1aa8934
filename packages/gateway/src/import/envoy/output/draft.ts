/** A resource of ours in the making, in the order in which its fields are to be written. */
export type Fields = Record<string, unknown>

export type Plugins = Record<string, Fields>

/** A resource with what its reader should know. */
export interface Noted {
  readonly fields: Fields
  /** Lines of the comment above it. */
  readonly notes: readonly string[]
}

/** A configuration in the making. */
export interface Draft {
  readonly listen: unknown[]
  readonly ssls: Noted[]
  readonly upstreams: Noted[]
  readonly services: Noted[]
  readonly plugin_configs: Noted[]
  readonly routes: Noted[]
  readonly stream_routes: Noted[]
}

export const emptyDraft = (): Draft => ({
  listen: [],
  ssls: [],
  upstreams: [],
  services: [],
  plugin_configs: [],
  routes: [],
  stream_routes: [],
})

/** Without the fields that are undefined. */
export const defined = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
