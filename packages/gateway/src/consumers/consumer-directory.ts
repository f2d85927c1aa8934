import type { PluginSet } from '../resources/plugin-set.ts'

/** Who calls. The same object for as long as its configuration stays. */
export interface Consumer {
  readonly username: string
  readonly groupId: string | undefined
  readonly labels: Readonly<Record<string, string>> | undefined
  readonly plugins: PluginSet
  /** Further keys, by their ids. */
  readonly credentials: Readonly<Record<string, { readonly plugins: PluginSet }>>
}

/** A consumer as an auth plugin found it, with what is configured for that plugin on it (defaults filled in). */
export interface ConsumerMatch<C = unknown> {
  readonly consumer: Consumer
  readonly config: C
  /** The id of the credential that the key belongs to; undefined: it is the consumer's own. */
  readonly credential: string | undefined
}

/** The consumers as one auth plugin sees them. */
export interface ConsumerDirectory<C = unknown> {
  /** By the plugin's `consumerKey` field. One Map look-up. */
  find(key: string): ConsumerMatch<C> | undefined
  /** By name, for `anonymous_consumer`. */
  byName(username: string): Consumer | undefined
}
