// Writes the tables of docs/configuration.md from the schemas. Run it after a build:
//   node scripts/config-docs.mjs            writes the page
//   node scripts/config-docs.mjs --check    changes nothing; fails when the page is out of date
import { existsSync } from 'node:fs'
import { CLOSED, MEANINGS, UNLISTED } from './config-meanings.mjs'
import { fail, table, writeParts } from './generated-parts.mjs'

const built = new URL('../packages/gateway/dist/', import.meta.url)
if (!existsSync(new URL('index.js', built))) fail('packages/gateway is not built; run "npm run build" first')

const { optionRows } = await import(new URL('plugins/schema-rows.js', built))
const { Settings } = await import(new URL('config/settings/settings.js', built))
const { PluginMeta } = await import(new URL('resources/plugin-set.js', built))
const { resourceSchemas } = await import(new URL('resources/kinds.js', built))
const health = await import(new URL('resources/health-check.js', built))
const overload = await import(new URL('resources/overload.js', built))
const { managerSchemas } = await import(new URL('resources/secret.js', built))

/** What a client, or the log, gets when a limit is reached. */
const AT_LIMIT = {
  max_head_bytes: '431 `HEAD_TOO_LARGE`. An upstream whose head is larger: 502',
  max_header_count: '431 `TOO_MANY_HEADERS`. An upstream with more: 502',
  max_target_length: '414 `TARGET_TOO_LONG`',
  max_body_bytes: '413 `BODY_TOO_LARGE`',
  header_timeout: '408 `HEAD_TIMEOUT`; without a byte the connection is closed',
  body_timeout: '408 `BODY_TIMEOUT`, or the connection is closed when the response has begun',
  keepalive_timeout: 'the connection is closed',
  max_requests_per_connection: 'the last response says `Connection: close`',
  max_udp_sessions: 'datagrams of further clients are dropped, with a line in the error log',
  max_connections: 'further connections are closed as they are accepted, with a line in the error log',
  'http2.max_concurrent_streams': 'further streams are refused (`REFUSED_STREAM`): the client may try them again',
  'http2.stream_window': 'the peer has to wait',
  'http2.connection_window': 'the client has to wait',
}

const used = new Set()

/** The rows of a schema that get into the page. @param {string} kind @param {object} schema */
function rowsOf(kind, schema) {
  return optionRows(schema).filter(({ name }) => {
    if (UNLISTED.has(name)) return false
    const parts = name.split('.')
    return !parts.some((_, at) => at > 0 && CLOSED.has(parts.slice(0, at).join('.').replaceAll('[]', '')))
  })
}

function meaning(kind, { name, description }) {
  for (const key of [`${kind}:${name}`, name === 'plugins' && kind !== 'settings' ? 'plugins:set' : name]) {
    if (MEANINGS[key] === undefined) continue
    used.add(key)
    return MEANINGS[key]
  }
  if (description === '') fail(`scripts/config-meanings.mjs does not say what ${kind}:${name} means`)
  return `${description[0].toUpperCase()}${description.slice(1)}${/[.!]$/.test(description) ? '' : '.'}`
}

const code = (text) => `\`${text}\``

/** Objects whose fields have defaults have none of their own to show. */
const fallback = ({ required, fallback: value }) =>
  required ? 'required' : value === undefined || JSON.stringify(value) === '{}' ? '' : code(JSON.stringify(value))

const fieldTable = (kind, rows) =>
  table(
    ['Field', 'Type', 'Default', 'Bounds', 'Meaning'],
    rows.map((row) => [code(row.name), row.type, fallback(row), row.bounds.join('; '), meaning(kind, row)]),
  )

function limitsTable(rows) {
  // An object is told of by its fields.
  const limits = rows.filter(({ name, type }) => name.startsWith('limits.') && type !== 'object')
  return table(
    ['Limit', 'Default', 'Least', 'Of what', 'When it is reached'],
    limits.map((row) => {
      const name = row.name.slice('limits.'.length)
      if (AT_LIMIT[name] === undefined) fail(`scripts/config-docs.mjs does not say what happens at ${row.name}`)
      return [
        code(name),
        code(JSON.stringify(row.fallback)),
        row.bounds.join('; '),
        meaning('settings', row),
        AT_LIMIT[name],
      ]
    }),
  )
}

const settings = rowsOf('settings', Settings)
const parts = {
  settings: fieldTable(
    'settings',
    settings.filter(({ name }) => !name.startsWith('limits.')),
  ),
  limits: limitsTable(settings),
  meta: fieldTable('_meta', rowsOf('_meta', PluginMeta)),
}
const { secrets: _, ...documented } = resourceSchemas
for (const [kind, schema] of Object.entries(documented)) parts[kind] = fieldTable(kind, rowsOf(kind, schema))
const managers = Object.fromEntries(
  Object.entries(managerSchemas).map(([name, schema]) => [name, fieldTable('secrets', rowsOf('secrets', schema))]),
)

const ofHealth = {
  checks: fieldTable('checks', optionRows(health.HealthChecks)),
  outlier_detection: fieldTable('outlier_detection', optionRows(health.OutlierDetection)),
  slow_start: fieldTable('slow_start', optionRows(health.SlowStart)),
}

const { overload: overloadSchema } = Settings.properties
const ofOverload = {
  retry: fieldTable('retry', optionRows(overload.Retry)),
  hedge: fieldTable('hedge', optionRows(overload.Hedge)),
  circuit_breakers: fieldTable('circuit_breakers', optionRows(overload.CircuitBreakers)),
  adaptive_concurrency: fieldTable('adaptive_concurrency', optionRows(overload.AdaptiveConcurrency)),
  overload: fieldTable('overload', optionRows(overloadSchema)),
  load_shedding: fieldTable('load_shedding', optionRows(overload.LoadShedding)),
}

const superfluous = Object.keys(MEANINGS).filter((key) => !used.has(key))
if (superfluous.length > 0)
  fail(`scripts/config-meanings.mjs has entries that belong to no field: ${superfluous.join(', ')}`)

const { discovery: discoverySchema } = Settings.properties
// A cluster of several has the fields of a single one, and an id.
const perCluster = ({ name }) => !name.startsWith('kubernetes[].') || name === 'kubernetes[].id'
const discovery = fieldTable('discovery', optionRows(discoverySchema).filter(perCluster))

const { ssls, stream_routes, ...others } = parts
writeParts(
  {
    'docs/configuration.md': others,
    'docs/health.md': ofHealth,
    'docs/overload.md': ofOverload,
    'docs/discovery.md': { discovery },
    'docs/secrets.md': managers,
    'docs/stream-routes.md': { stream_routes },
    'docs/tls.md': { ssls },
  },
  'node scripts/config-docs.mjs',
)
