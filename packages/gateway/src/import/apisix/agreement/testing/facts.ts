import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** What APISIX says of one option; the words of JSON Schema, shortened. */
export interface Fact {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  /** Within what it stands in. */
  readonly required?: boolean
  readonly min?: number
  readonly max?: number
  readonly above?: number
  readonly below?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minKeys?: number
  /** Encrypted in its store. */
  readonly secret?: boolean
}

/** By option: `a.b` in an object, `a[]` in a list, `a.<name>` in a map. */
export type Facts = Readonly<Record<string, Fact>>

/** Where a plugin is configured: on a route, on a consumer, by its metadata, on a stream route. */
export const PLACES = ['options', 'consumer', 'metadata', 'stream'] as const
export type PlaceName = (typeof PLACES)[number]

export type PluginFacts = Partial<Readonly<Record<PlaceName, Facts>>>

const folder = new URL('facts/', import.meta.url)

/** What is known of APISIX's plugins, by plugin. */
export const FACTS: ReadonlyMap<string, PluginFacts> = new Map(
  readdirSync(folder).flatMap((name) =>
    Object.entries(parse(readFileSync(new URL(name, folder), 'utf8')) as Record<string, PluginFacts>),
  ),
)

/** `rules[].key` -> `rules`, `[]`, `key`. */
export const optionParts = (option: string): string[] => option.match(/\[\]|[^.[\]]+/g) ?? []

/** Options that stand directly within another; '' = at the top. */
export function within(facts: Facts, option: string): Record<string, Fact> {
  const depth = optionParts(option).length
  const start = optionParts(option).join('\n')
  return Object.fromEntries(
    Object.entries(facts).filter(([name]) => {
      const parts = optionParts(name)
      return parts.length === depth + 1 && parts.slice(0, depth).join('\n') === start
    }),
  )
}
