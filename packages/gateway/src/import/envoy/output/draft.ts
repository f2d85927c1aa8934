import type { Fields, Noted } from '../../output/noted.ts'

export { defined, type Fields, type Noted } from '../../output/noted.ts'

export type Plugins = Record<string, Fields>

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
