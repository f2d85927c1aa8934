import type { ResourceTypes } from '../resources/kind-names.ts'
import type { Settings } from './settings/settings.ts'

/** A whole configuration as it may be written down: the node's settings and the lists of resources. */
export type Configuration = Settings & {
  [Kind in keyof ResourceTypes]?: readonly WithFunctions<ResourceTypes[Kind]>[]
}

/** In TypeScript, `filter_func` may be a function. */
type WithFunctions<R> = R extends { filter_func?: string }
  ? Omit<R, 'filter_func'> & { filter_func?: string | ((vars: Readonly<Record<string, unknown>>) => boolean) }
  : R

/** Gives `sekisho.config.ts` its types: `export default defineConfig({ routes: [ … ] })`. */
export function defineConfig(configuration: Configuration): Configuration {
  return configuration
}
