import { type TSchema, Type } from '../schema/type.ts'
import type { PluginDefinition } from '../plugins/definition.ts'
import { Credential } from '../resources/consumer.ts'
import { RESOURCE_KINDS, type ResourceKind } from '../resources/kind-names.ts'
import { resourceSchemas } from '../resources/kinds.ts'
import { PluginMeta } from '../resources/plugin-set.ts'
import { managerSchemas } from '../resources/secret.ts'
import type { PluginLookup } from './plugin-lookup.ts'
import { settingsFields } from './settings/settings.ts'

/** JSON Schema as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown }

/**
 * The JSON Schema (2020-12) of a whole `sekisho.yaml`, for editors: with the plugins by name and their schemas, so that
 * they complete and underline what stands inside them too.
 */
export function jsonSchemaOfConfig(plugins?: PluginLookup): JsonSchema {
  const definitions = (plugins?.names() ?? [])
    .map((name) => plugins?.get(name))
    .filter((plugin): plugin is PluginDefinition => plugin !== undefined)
  const lists = Object.fromEntries(
    RESOURCE_KINDS.map((kind) => [kind, { type: ['array', 'null'], items: itemSchema(kind, definitions) }]),
  )
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Sekisho configuration',
    ...plain(Type.Object(settingsFields, { additionalProperties: false })),
    properties: { ...(plain(Type.Object(settingsFields))['properties'] as JsonSchema), ...lists },
    $defs: {
      plugins: pluginSet(definitions, (plugin) => plugin.schema),
      consumerPlugins: pluginSet(definitions, (plugin) => plugin.consumerSchema ?? plugin.schema),
    },
  }
}

/** Schemas of typebox carry functions and hidden marks; data does not. */
const plain = (schema: TSchema): JsonSchema => JSON.parse(JSON.stringify(schema)) as JsonSchema

function itemSchema(kind: ResourceKind, plugins: readonly PluginDefinition[]): JsonSchema {
  const schema = plain(resourceSchemas[kind])
  if (kind === 'plugin_metadata') return { oneOf: plugins.filter(hasMetadata).map(metadataItem) }
  if (kind === 'secrets') return { oneOf: Object.entries(managerSchemas).map(secretItem) }
  const properties = schema['properties'] as JsonSchema
  if (properties['plugins'] === undefined) return schema
  if (kind === 'consumers') return consumerSchema(schema, properties)
  return { ...schema, properties: { ...properties, plugins: { $ref: '#/$defs/plugins' } } }
}

/** Auth plugins have another configuration there; a credential has the same. */
function consumerSchema(schema: JsonSchema, properties: JsonSchema): JsonSchema {
  const plugins = { $ref: '#/$defs/consumerPlugins' }
  const credentials = properties['credentials'] as JsonSchema
  const credential = plain(Credential)
  const patternProperties = {
    '^.*$': { ...credential, properties: { ...(credential['properties'] as JsonSchema), plugins } },
  }
  return { ...schema, properties: { ...properties, plugins, credentials: { ...credentials, patternProperties } } }
}

/** Which manager it is, the id says. */
function secretItem([manager, schema]: readonly [string, TSchema]): JsonSchema {
  const { properties, ...rest } = plain(schema) as { properties: { id: JsonSchema } }
  return {
    ...rest,
    properties: { ...properties, id: { ...properties.id, pattern: `^${manager}/[a-zA-Z0-9_.-]{1,64}$` } },
  }
}

const hasMetadata = (plugin: PluginDefinition): boolean => plugin.metadataSchema !== undefined

function metadataItem({ name, metadataSchema }: PluginDefinition): JsonSchema {
  const schema = plain(metadataSchema!)
  const times = { create_time: { type: 'integer' }, update_time: { type: 'integer' } }
  return {
    ...schema,
    properties: { ...times, ...(schema['properties'] as JsonSchema | undefined), id: { const: name } },
    required: ['id', ...((schema['required'] as string[] | undefined) ?? [])],
  }
}

/** Every plugin takes `_meta` beside its own fields. */
function pluginSet(plugins: readonly PluginDefinition[], pick: (plugin: PluginDefinition) => TSchema): JsonSchema {
  const meta = plain(PluginMeta)
  const properties = plugins.map((plugin) => {
    const schema = plain(pick(plugin))
    return [
      plugin.name,
      { ...schema, properties: { ...(schema['properties'] as JsonSchema | undefined), _meta: meta } },
    ]
  })
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: plugins.length === 0 }
}
