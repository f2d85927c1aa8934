import type { PluginLookup } from '../../config/plugin-lookup.ts'
import { type JsonSchema, jsonSchemaOfConfig } from '../../config/json-schema.ts'
import { KIND_SINGULAR, RESOURCE_KINDS, type ResourceKind } from '../../resources/kind-names.ts'
import { SECRET_MANAGERS } from '../../resources/secret.ts'
import { VERSION } from '../../version.ts'
import { TWO_PARTS, type Verb, verbsOf } from '../resources/resource-target.ts'
import { OTHER_PATHS } from './open-api-paths.ts'

type Node = Readonly<Record<string, unknown>>

const ref = (name: string): Node => ({ $ref: `#/components/schemas/${name}` })

const parameter = (name: string, schema: Node, description: string, where = 'query'): Node => ({
  name,
  in: where,
  ...(where === 'path' ? { required: true } : {}),
  schema,
  description,
})

const TEXT = { type: 'string' }
const WRITE = [
  parameter('dry_run', { type: 'boolean' }, 'says what would happen, and writes nothing'),
  parameter('ttl', { type: 'integer', minimum: 1 }, 'seconds after which the resource deletes itself'),
  parameter('comment', { type: 'string', maxLength: 256 }, 'for the history'),
  parameter('If-Match', TEXT, 'only when the modifiedIndex of the resource is this, in quotes', 'header'),
]
const LIST = [
  parameter('page', { type: 'integer', minimum: 1 }, 'with page_size'),
  parameter('page_size', { type: 'integer', minimum: 10, maximum: 500 }, 'with page'),
  parameter('name', TEXT, 'regular expression that the name matches'),
  parameter('label', TEXT, 'key of a label that is there'),
  parameter('uri', TEXT, 'regular expression that a path matches'),
  parameter('filter', TEXT, 'fields within, as a query: service_id=1'),
]

const answer = (description: string, schema?: Node): Node => ({
  description,
  ...(schema === undefined ? {} : { content: { 'application/json': { schema } } }),
})

const REFUSALS: Node = {
  '400': answer('the request or the resource is wrong: nothing was changed', ref('error')),
  '401': answer('no key, a wrong key, or one that may only read', ref('error')),
}

/** OpenAPI 3.1 of the Admin API. Its schemas are those that resources are checked against. */
export function openApi(plugins: PluginLookup): JsonSchema {
  const config = jsonSchemaOfConfig(plugins)
  const lists = config['properties'] as Record<string, { items: Node }>
  const schemas: Record<string, unknown> = { ...(config['$defs'] as Node) }
  const paths: Record<string, unknown> = {}
  for (const kind of RESOURCE_KINDS) {
    schemas[KIND_SINGULAR[kind]] = lists[kind]!.items
    Object.assign(paths, pathsOf(kind))
  }
  schemas['error'] = ERROR
  const text = JSON.stringify({ ...paths, ...OTHER_PATHS, schemas }).replaceAll('#/$defs/', '#/components/schemas/')
  const { schemas: moved, ...allPaths } = JSON.parse(text) as Record<string, unknown>
  return {
    openapi: '3.1.0',
    info: { title: 'Sekisho Admin API', version: VERSION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    servers: [{ url: '/apisix/admin' }, { url: '/admin' }],
    security: [{ key: [] }],
    paths: allPaths,
    components: {
      schemas: moved,
      securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-API-KEY' } },
    },
  }
}

function pathsOf(kind: ResourceKind): Record<string, unknown> {
  const name = KIND_SINGULAR[kind]
  const schema = ref(name)
  const verbs = verbsOf(kind)
  const item = { type: 'object', properties: { key: TEXT, value: schema } }
  const index = { type: 'integer' }
  const stored = { ...item, properties: { ...item.properties, createdIndex: index, modifiedIndex: index } }
  const list = { type: 'object', properties: { total: index, list: { type: 'array', items: stored } } }
  const body = (of: Node): Node => ({ required: true, content: { 'application/json': { schema: of } } })
  const missing = { '404': answer('it is not there') }
  const operation = (verb: string, summary: string, more: Node): Node => ({
    operationId: `${verb}_${name}`,
    tags: [kind],
    summary,
    ...more,
  })
  const one: Partial<Record<Verb, Node>> = {
    GET: operation('get', `one ${name}`, { responses: { '200': answer('it', stored), ...missing, ...REFUSALS } }),
    PUT: operation('put', `makes or replaces a ${name}`, {
      parameters: WRITE,
      requestBody: body(schema),
      responses: { '200': answer('replaced', item), '201': answer('made', item), ...REFUSALS },
    }),
    PATCH: operation('patch', `changes fields of a ${name} (RFC 7396)`, {
      parameters: WRITE,
      requestBody: body({ type: 'object' }),
      responses: { '200': answer('changed', item), ...missing, ...REFUSALS },
    }),
    DELETE: operation('delete', `deletes a ${name}`, {
      parameters: [
        ...WRITE.filter(({ name: parameterName }) => parameterName !== 'ttl'),
        parameter('force', { type: 'boolean' }, 'also when others refer to it'),
      ],
      responses: { '200': answer('deleted'), ...missing, ...REFUSALS },
    }),
  }
  const all: Partial<Record<Verb, Node>> = {
    GET: operation('list', `all ${kind}`, {
      parameters: LIST,
      responses: { '200': answer('them', list), ...REFUSALS },
    }),
    POST: operation('post', `makes a ${name} with an id of the gateway's choice`, {
      parameters: WRITE,
      requestBody: body(schema),
      responses: { '201': answer('made', item), ...REFUSALS },
    }),
  }
  const allowed = (operations: Partial<Record<Verb, Node>>): Record<string, Node> =>
    Object.fromEntries(
      Object.entries(operations)
        .filter(([verb]) => verbs.includes(verb as Verb))
        .map(([verb, described]) => [verb.toLowerCase(), described]),
    )
  const id = parameter('id', TEXT, `names the ${name}`, 'path')
  const manager = parameter('manager', { enum: SECRET_MANAGERS }, 'what keeps the secrets', 'path')
  const [path, parameters] = TWO_PARTS.has(kind) ? [`/${kind}/{manager}/{id}`, [manager, id]] : [`/${kind}/{id}`, [id]]
  return { [`/${kind}`]: allowed(all), [path]: { parameters, ...allowed(one) } }
}

const ERROR = {
  type: 'object',
  required: ['error_msg'],
  properties: {
    error_msg: { type: 'string', description: 'what is wrong, where, and what would be right' },
    problems: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: {
          path: { type: 'string', description: 'JSON Pointer' },
          value: { type: 'string' },
          message: { type: 'string' },
          remedy: { type: 'string' },
          line: { type: 'integer' },
          column: { type: 'integer' },
        },
      },
    },
  },
}
