/**
 * Lets web pages of other origins read responses (CORS, as the Fetch standard has it), and answers the OPTIONS requests
 * with which browsers ask first.
 *
 * ```yaml
 * routes:
 *   - uri: /api/*
 *     upstream_id: api
 *     plugins:
 *       cors:
 *         allow_origins: https://shop.example.com,https://admin.example.com
 *         allow_methods: GET,POST
 *         allow_headers: authorization,content-type
 *         allow_credential: true
 *         max_age: 600
 * ```
 *
 * ```sh
 * curl -i -H 'Origin: https://shop.example.com' http://127.0.0.1:8080/api/orders   # 200, Access-Control-Allow-Origin: https://shop.example.com
 * curl -i -H 'Origin: https://other.example' http://127.0.0.1:8080/api/orders      # 200, no Access-Control-Allow-Origin
 * curl -i -X OPTIONS -H 'Origin: https://shop.example.com' -H 'Access-Control-Request-Method: POST' \
 *   http://127.0.0.1:8080/api/orders                                               # 200, Access-Control-Max-Age: 600, no upstream
 * ```
 *
 * Every OPTIONS request is answered with 200 and never reaches the upstream. A browser that asks before a POST is answered by the route
 * that takes the POST, though its `methods` do not name OPTIONS. To gRPC-Web calls the fields of a status are exposed, too. A request of an origin that is not allowed
 * is served all the same, without the headers: it is the browser that keeps the page from reading it. `*` allows all,
 * and cannot go with `allow_credential`; `**` allows all in spite of credentials, so that every page on the web can act
 * for your users. Which origins:
 *
 * - `allow_origins_by_regex` takes the place of `allow_origins`. The expressions match anywhere in the origin: anchor
 *   them, as `^https://[a-z]+\.example\.com$`.
 * - `allow_origins_by_metadata` names lists in `plugin_metadata` (`allow_origins: { partners:
 *   "https://a.com,https://b.com" }`); origins that are in none of them may still be in the other two, where `*` is
 *   then no default. A list that is `*` does not count with `allow_credential`.
 *
 * Where the answer depends on the origin, it says `Vary: Origin`. CORS headers of the upstream are replaced for an
 * allowed origin, and stay for any other.
 *
 * Costs 0.2 to 0.3 µs for the headers of a response.
 */
import { type Static, Type } from '../schema/type.ts'
import { compileRegularExpression } from '../expressions/index.ts'
import type { GatewaySession } from '../session.ts'
import { parseWebType } from '../grpc-web/content-type.ts'
import { exposeStatus } from '../grpc-web/cross-origin.ts'
import { defaulted } from './defaulted.ts'
import { type ConfigProblem, definePlugin } from './definition.ts'
import { expressionProblem } from './expression-problem.ts'
import type { PluginLogger } from './context.ts'

const originsOptions = {
  pattern: '^(\\*|\\*\\*|null|\\w+://[^,\\s]+(,\\w+://[^,\\s]+)*)$',
  patternErrorMessage:
    'must be "*", "**", "null" or origins as "https://a.example.com:8443", with a comma and no space between them',
} as const

const listOptions = {
  pattern: '^[ -~]*$',
  patternErrorMessage: 'may hold visible ASCII characters and spaces only',
} as const

const names = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), { minItems: 1, uniqueItems: true, description }),
  )

const schema = Type.Object(
  {
    allow_origins: defaulted(
      Type.String({
        default: '*',
        ...originsOptions,
        description: 'origins that may read, "*" for all, "**" for all with credentials',
      }),
    ),
    allow_methods: defaulted(
      Type.String({
        default: '*',
        ...listOptions,
        description: 'methods, joined by commas; "*" for all, "**" for all with credentials',
      }),
    ),
    allow_headers: defaulted(
      Type.String({
        default: '*',
        ...listOptions,
        description: 'request headers, joined by commas; "*" for all, "**" for whatever the browser asks for',
      }),
    ),
    expose_headers: Type.Optional(
      Type.String({ ...listOptions, description: 'response headers that pages may read, joined by commas' }),
    ),
    max_age: defaulted(
      Type.Integer({
        default: 5,
        minimum: -1,
        description: 'seconds for which a browser may remember the answer; -1 = not at all',
      }),
    ),
    allow_credential: defaulted(
      Type.Boolean({
        default: false,
        description: 'whether pages may send cookies and Authorization; "*" is then not possible anywhere',
      }),
    ),
    allow_origins_by_regex: names('regular expressions for origins, instead of "allow_origins"'),
    allow_origins_by_metadata: names('names of lists of origins in the plugin_metadata of "cors"'),
    timing_allow_origins: Type.Optional(
      Type.String({
        ...originsOptions,
        description: 'origins that may see timings (Timing-Allow-Origin); left out: none',
      }),
    ),
    timing_allow_origins_by_regex: names('regular expressions for these origins, instead of "timing_allow_origins"'),
  },
  { additionalProperties: false },
)
type Config = Static<typeof schema>

const metadataSchema = Type.Object(
  {
    allow_origins: Type.Optional(
      Type.Record(Type.String(), Type.String(originsOptions), {
        description: 'lists of origins by name, each as "allow_origins"',
      }),
    ),
  },
  { additionalProperties: false },
)
type Metadata = Static<typeof metadataSchema>

export default definePlugin({
  name: 'cors',
  priority: 4000,
  placeless: true,
  schema,
  metadataSchema,
  check: (config) => checkCredentials(config) ?? checkExpressions(config),
  create(config, { metadata, logger }) {
    const origins = originRule(config, metadata, logger)
    const timing = timingRule(config)
    const fixed = fixedLines(config)
    const anyHeaders = config.allow_headers === '**'
    const varies = origins !== everyone || (timing !== everyone && timing !== nobody)

    return {
      preflight: () => true,
      rewrite(session) {
        // A later plugin may change the header on its way to the upstream.
        if (varies) session.ctx.setState('cors', session.request.headers.get('origin') ?? '')
        if (session.request.method === 'OPTIONS') session.respond(200)
      },
      headerFilter(session) {
        if (session.response === undefined) return
        const { headers } = session.response
        const origin = varies ? originOf(session) : undefined
        if (varies) addVary(session)
        const timed = timing(origin)
        if (timed !== undefined) headers.set('Timing-Allow-Origin', timed)
        const allowed = origins(origin)
        if (allowed === undefined) return
        for (const name of FIELDS) headers.delete(name)
        let lines = `Access-Control-Allow-Origin: ${allowed}\r\n${fixed}`
        const asked = anyHeaders ? session.request.headers.get('access-control-request-headers') : undefined
        if (asked !== undefined) lines += `Access-Control-Allow-Headers: ${asked}\r\n`
        // One text instead of five checked fields, which would cost 2 µs more. All of it is the configuration, checked,
        // and values that were fields when they came.
        headers.appendLines(lines, FIELDS)
        if (parseWebType(session.request.headers.get('content-type')) !== undefined) exposeStatus(headers)
      },
    }
  },
})

/** What an allowed origin's header says; undefined for one that is not. */
type OriginRule = (origin: string | undefined) => string | undefined

const everyone: OriginRule = () => '*'
const nobody: OriginRule = () => undefined

function listed(origins: string): OriginRule {
  if (origins === '*') return everyone
  if (origins === '**') return (origin) => origin ?? '*'
  const allowed = new Set(origins.split(','))
  return (origin) => (origin !== undefined && allowed.has(origin) ? origin : undefined)
}

function matching(patterns: readonly string[]): OriginRule {
  const compiled = patterns.map((pattern) => compileRegularExpression(pattern, false, ''))
  return (origin) => (origin !== undefined && compiled.some((pattern) => pattern.test(origin)) ? origin : undefined)
}

function originRule(config: Config, metadata: Metadata, logger: PluginLogger): OriginRule {
  const { allow_origins: list, allow_origins_by_regex: patterns, allow_origins_by_metadata: keys } = config
  const own = patterns !== undefined ? matching(patterns) : keys !== undefined && list === '*' ? nobody : listed(list)
  if (keys === undefined) return own
  const lists = metadata.allow_origins ?? {}
  const rules: OriginRule[] = []
  for (const key of keys) {
    if (!Object.hasOwn(lists, key)) logger.warn({ key }, 'cors: the plugin_metadata has no list of this name')
    else if (lists[key] === '*' && config.allow_credential)
      logger.warn({ key }, 'cors: "*" is not possible with allow_credential')
    else rules.push(listed(lists[key]))
  }
  // A page is told its own name even where all are allowed, as the other lists would say.
  return (origin) => (origin !== undefined && rules.some((rule) => rule(origin) !== undefined) ? origin : own(origin))
}

function timingRule({ timing_allow_origins: list, timing_allow_origins_by_regex: patterns }: Config): OriginRule {
  if (patterns !== undefined) return matching(patterns)
  return list === undefined ? nobody : listed(list)
}

const ALL_METHODS = 'GET,POST,PUT,DELETE,PATCH,HEAD,OPTIONS,CONNECT,TRACE'

/** What an allowed origin's response says; the upstream's own are taken out. */
const FIELDS = [
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Methods',
  'Access-Control-Allow-Headers',
  'Access-Control-Allow-Credentials',
  'Access-Control-Expose-Headers',
  'Access-Control-Max-Age',
]

/** The lines that are the same for all origins. */
function fixedLines(config: Config): string {
  const { allow_methods: methods, allow_headers: headers, expose_headers: exposed = '' } = config
  let lines = `Access-Control-Allow-Methods: ${methods === '**' ? ALL_METHODS : methods}\r\n`
  lines += `Access-Control-Max-Age: ${config.max_age}\r\n`
  if (exposed !== '') lines += `Access-Control-Expose-Headers: ${exposed}\r\n`
  if (headers !== '**') lines += `Access-Control-Allow-Headers: ${headers}\r\n`
  if (config.allow_credential) lines += 'Access-Control-Allow-Credentials: true\r\n'
  return lines
}

/**
 * As it was before later plugins ran. When an earlier plugin answered, `rewrite` did not run, and the header is still
 * as it came.
 */
function originOf({ ctx, request }: GatewaySession): string | undefined {
  return (ctx.getState<string>('cors') ?? request.headers.get('origin')) || undefined
}

const VARIES_BY_ORIGIN = /(?:^|[, \t])(?:origin|\*)(?:$|[, \t])/i

function addVary({ response }: GatewaySession): void {
  const vary = response?.headers.get('vary')
  if (vary === undefined || !VARIES_BY_ORIGIN.test(vary)) response?.headers.append('Vary', 'Origin')
}

const WITHOUT_CREDENTIALS = [
  'allow_origins',
  'allow_methods',
  'allow_headers',
  'expose_headers',
  'timing_allow_origins',
] as const

function checkCredentials(config: Config): ConfigProblem | undefined {
  if (!config.allow_credential) return undefined
  // Other lists take its place: its default says nothing then.
  const replaced = config.allow_origins_by_regex !== undefined || config.allow_origins_by_metadata !== undefined
  const field = WITHOUT_CREDENTIALS.find((name) => config[name] === '*' && !(name === 'allow_origins' && replaced))
  if (field === undefined) return undefined
  const remedy =
    field === 'expose_headers'
      ? 'list the headers'
      : 'list the values, or write "**" if really all may act for your users'
  return { path: `/${field}`, message: `cannot be "*" when "allow_credential" is true; ${remedy}` }
}

function checkExpressions(config: Config): ConfigProblem | undefined {
  for (const field of ['allow_origins_by_regex', 'timing_allow_origins_by_regex'] as const) {
    for (const [index, pattern] of (config[field] ?? []).entries()) {
      const wrong = expressionProblem(`/${field}/${index}`, () => compileRegularExpression(pattern, false, ''))
      if (wrong !== undefined) return wrong
    }
  }
  return undefined
}
