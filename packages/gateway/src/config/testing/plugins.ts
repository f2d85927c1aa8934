import { Type } from '../../schema/type.ts'
import ipRestriction from '../../plugins/ip-restriction.ts'
import limitConn from '../../plugins/limit-conn.ts'
import type { PluginDefinition } from '../../plugins/definition.ts'
import type { PluginLookup } from '../plugin-lookup.ts'

const limitCount = {
  name: 'limit-count',
  priority: 1002,
  schema: Type.Object(
    {
      count: Type.Integer({ exclusiveMinimum: 0 }),
      time_window: Type.Integer({ exclusiveMinimum: 0 }),
      key: Type.Optional(Type.String({ default: 'remote_addr' })),
      key_type: Type.Optional(Type.Enum(['var', 'var_combination', 'constant'], { default: 'var' })),
      rejected_code: Type.Optional(Type.Integer({ minimum: 200, maximum: 599, default: 503 })),
    },
    { additionalProperties: false },
  ),
  metadataSchema: Type.Object({ limit_header: Type.Optional(Type.String()) }, { additionalProperties: false }),
  create: () => ({}),
}

const keyAuth = {
  name: 'key-auth',
  priority: 2500,
  type: 'auth' as const,
  schema: Type.Object({ header: Type.Optional(Type.String({ default: 'apikey' })) }, { additionalProperties: false }),
  consumerSchema: Type.Object({ key: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
  consumerKey: 'key',
  create: () => ({}),
}

const rewrite = {
  name: 'proxy-rewrite',
  priority: 1008,
  schema: Type.Object({ regex_uri: Type.Optional(Type.Array(Type.String(), { minItems: 2 })) }),
  check: ({ regex_uri }: { regex_uri?: string[] }) => {
    try {
      if (regex_uri?.[0] !== undefined) new RegExp(regex_uri[0])
      return undefined
    } catch {
      return { path: '/regex_uri/0', message: 'is not a regular expression; escape what is meant as itself' }
    }
  },
  create: () => ({}),
}

const known = new Map(
  [limitCount, keyAuth, rewrite, ipRestriction, limitConn].map((plugin) => [
    plugin.name,
    plugin as unknown as PluginDefinition,
  ]),
)

/** Three plugins, each with another kind of rule, as the real ones have; and the two that work on stream routes. */
export const testPlugins: PluginLookup = { get: (name) => known.get(name), names: () => [...known.keys()] }
