/**
 * Keeps responses and answers from them, as RFC 9111 says: freshness, validation, Vary, ranges, stale responses, invalidation, with
 * `Cache-Status` (RFC 9211) in each answer. See docs/cache.md.
 *
 * ```yaml
 * plugins:
 *   proxy-cache: { cache_strategy: memory, cache_ttl: 60, cache_http_status: [200, 301, 404] }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/page         # 200, Cache-Status: fwd=uri-miss, upstream: GET /page
 * curl -i http://127.0.0.1:8080/page         # 200, Cache-Status: hit, no upstream
 * ```
 *
 * What the upstream says in `Cache-Control`, `CDN-Cache-Control` or `Expires` counts; what says nothing is kept for `cache_ttl` seconds, and not at
 * all without `cache_ttl`.
 *
 * - The cache is asked after all plugins have let the request in: credentials are checked and limits counted for hits, too. Behind an auth plugin
 *   each consumer has responses of its own (`consumer_isolation`).
 * - Concurrent misses of a resource become one request of each worker.
 * - `PURGE` from one of the addresses in `purge_from` removes a resource in all variants, or with a `Cache-Tag` or `Surrogate-Key` field what
 *   has one of these tags.
 * - The key always has the scheme and the host, whatever `cache_key` says.
 *
 * What is left out means something else in APISIX: `cache_strategy: disk`, `cache_zone: disk_cache_one`, `cache_ttl: 300` for
 * `cache_http_status: [200, 301, 404]`, and `cache_control: false`. `sekisho import apisix` writes these.
 *
 * Costs about 1 µs a hit beside the answer itself. A zone takes its memory when it is first used.
 */
import { createHash } from 'node:crypto'
import { type CachePolicy, type CacheUse, DEFAULT_CACHE_POLICY } from '@sekisho/proxy'
import { type Static, Type } from '../schema/type.ts'
import { CidrSet } from '../addresses/index.ts'
import type { RequestContext } from '../request-context.ts'
import type { GatewaySession } from '../session.ts'
import { compileText, hasVariables } from '../variables/template.ts'
import { checkCidrList } from './cidr-list.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'

const seconds = (description: string) => defaulted(Type.Integer({ minimum: 0, default: 0, description }))
const variables = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ pattern: '(^[^$].+$|^\\$[0-9a-zA-Z_]+$)' }), { minItems: 1, maxItems: 32, description }),
  )

const schema = Type.Object(
  {
    cache_strategy: defaulted(
      Type.Union([Type.Literal('memory'), Type.Literal('disk')], {
        default: 'memory',
        description: 'what the zone must be; only a zone with `disk_path` survives a restart',
      }),
    ),
    cache_zone: defaulted(
      Type.String({
        minLength: 1,
        maxLength: 100,
        default: 'memory_cache',
        description: 'name of a zone in `proxy_cache.zones` of the settings',
      }),
    ),
    cache_key: defaulted(
      Type.Array(Type.String({ pattern: '(^[^$].+$|^\\$[0-9a-zA-Z_]+$)' }), {
        minItems: 1,
        maxItems: 32,
        default: ['$host', '$request_uri'],
        description: 'texts and variables that make the key, beside scheme and host',
      }),
    ),
    cache_bypass: variables('with a value other than "" and "0" in one of them, nothing stored is used'),
    no_cache: variables('with a value other than "" and "0" in one of them, nothing is stored'),
    cache_method: defaulted(
      Type.Array(Type.Union([Type.Literal('GET'), Type.Literal('HEAD'), Type.Literal('POST')]), {
        minItems: 1,
        uniqueItems: true,
        default: ['GET', 'HEAD'],
        description: 'methods that are answered from the cache; of POST the body is part of the key',
      }),
    ),
    cache_http_status: Type.Optional(
      Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), {
        minItems: 1,
        uniqueItems: true,
        description: 'statuses that may be stored; left out = those that RFC 9111 lets a cache store',
      }),
    ),
    cache_ttl: seconds('seconds that a response is kept which does not say how long; 0 = it is not'),
    cache_control: defaulted(
      Type.Boolean({
        default: true,
        description: 'Cache-Control of the request counts (no-cache, max-age, only-if-cached, ...)',
      }),
    ),
    cache_set_cookie: defaulted(
      Type.Boolean({ default: false, description: 'responses with Set-Cookie are stored, the field with them' }),
    ),
    consumer_isolation: defaulted(Type.Boolean({ default: true, description: 'the consumer is part of the key' })),
    hide_cache_headers: defaulted(
      Type.Boolean({ default: false, description: 'Cache-Control and Expires do not reach the client' }),
    ),
    max_resp_body_size: defaulted(
      Type.Integer({ minimum: 1, default: 67_108_864, description: 'bytes of a body that is stored' }),
    ),
    heuristic_fraction: defaulted(
      Type.Number({
        minimum: 0,
        maximum: 1,
        default: 0,
        description: 'of the age by Last-Modified a response is fresh that does not say how long; 0 = off',
      }),
    ),
    stale_while_revalidate: seconds(
      'seconds that a stale response is used while it is fetched anew, where the response does not say',
    ),
    stale_if_error: seconds('seconds that it is used when the upstream fails, where the response does not say'),
    lock_timeout: defaulted(
      Type.Number({
        minimum: 0,
        maximum: 600,
        default: 5,
        description: 'seconds that a miss waits for the same request that is on its way; 0 = it does not',
      }),
    ),
    cache_status_name: defaulted(
      Type.Union([Type.Literal(false), Type.String({ minLength: 1, maxLength: 100, pattern: '^[ !#-~]+$' })], {
        default: 'sekisho',
        description: 'name in the Cache-Status field; false = no such field',
      }),
    ),
    purge_from: defaulted(
      Type.Array(Type.String(), {
        default: ['127.0.0.0/8', '::1'],
        description: 'addresses and networks that may PURGE; [] = nobody',
      }),
    ),
  },
  { additionalProperties: false },
)

type Config = Static<typeof schema>

/** Of POST: the body is read to make the key. A longer one goes to the upstream. */
const MAX_POST_BYTES = 65_536

export default definePlugin({
  name: 'proxy-cache',
  priority: 1085,
  schema,
  check: ({ purge_from: from }) => checkCidrList(from, '/purge_from'),
  create(config, { caches, logger, scope }) {
    const zone = caches.zone(config.cache_zone)
    if (zone === undefined || zone.strategy !== config.cache_strategy) {
      // The settings of another node may have it.
      logger.error(
        { zone: config.cache_zone, place: scope },
        zone === undefined
          ? `proxy-cache does nothing: there is no cache zone "${config.cache_zone}"; name it in proxy_cache.zones of the settings`
          : `proxy-cache does nothing: the zone "${config.cache_zone}" is one of ${zone.strategy}, and cache_strategy says ${config.cache_strategy}`,
      )
      return {}
    }
    const { cache } = zone
    const policy = policyOf(config)
    const keyOf = keyReader(config)
    const bypass = anyOf(config.cache_bypass)
    const noStore = anyOf(config.no_cache)
    const purgers = new CidrSet(config.purge_from)
    const use = (session: GatewaySession, key: string): CacheUse => ({
      cache,
      key,
      policy,
      keyFor: (target) => keyFor(session, target, keyOf),
      bypass: bypass?.(session.ctx) ?? false,
      noStore: noStore?.(session.ctx) ?? false,
    })
    const purge = async (session: GatewaySession): Promise<void> => {
      const { request } = session
      if (!purgers.has(session.ctx.remoteAddr)) {
        session.respond(403, { error_msg: 'PURGE is not allowed from here' })
        return
      }
      const tags = ['surrogate-key', 'cache-tag'].flatMap((name) => request.headers.get(name)?.split(/[\s,]+/) ?? [])
      const named = tags.filter((tag) => tag !== '')
      if (named.length > 0) {
        for (const tag of named) await cache.purgeTag(tag)
        session.respond(200, { purged: named })
        return
      }
      const known = await cache.purgeKey(keyOf(session.ctx))
      session.respond(known ? 200 : 404, { purged: known ? 1 : 0 })
    }
    return {
      access(session) {
        const { ctx } = session
        if (ctx.method === 'PURGE') return purge(session)
        if (ctx.method === 'POST' && policy.methods.has('POST')) {
          return session.readBody(MAX_POST_BYTES).then((body) => {
            const digest = createHash('sha256').update(body).digest('base64')
            ctx.cacheUse = use(session, `${keyOf(ctx)}\nPOST ${digest}`)
          })
        }
        ctx.cacheUse = use(session, keyOf(ctx))
        return undefined
      },
    }
  },
})

function policyOf(config: Config): CachePolicy {
  return {
    ...DEFAULT_CACHE_POLICY,
    methods: new Set(config.cache_method),
    statuses: config.cache_http_status === undefined ? undefined : new Set(config.cache_http_status),
    defaultTtl: config.cache_ttl,
    heuristicFraction: config.heuristic_fraction,
    requestDirectives: config.cache_control,
    storeSetCookie: config.cache_set_cookie,
    maxBodyBytes: config.max_resp_body_size,
    staleWhileRevalidate: config.stale_while_revalidate,
    staleIfError: config.stale_if_error,
    lockTimeoutMs: config.lock_timeout * 1_000,
    name: config.cache_status_name === false ? undefined : config.cache_status_name,
    hideFreshness: config.hide_cache_headers,
  }
}

/** Scheme and host come first, so that no choice of `cache_key` can make two sites meet. */
function keyReader(config: Config): (ctx: RequestContext) => string {
  const plain = config.cache_key.join(' ') === '$host $request_uri'
  const parts = config.cache_key.map(compileText)
  const isolated = config.consumer_isolation
  return (ctx) => {
    const { request, secure } = ctx.session
    let key = `${secure ? 'https' : 'http'}://${request.host.toLowerCase()}`
    if (plain) key += request.target
    else for (const part of parts) key += `\n${part(ctx)}`
    if (isolated && ctx.consumer !== undefined) key += `\n@${ctx.consumer.username}`
    return key
  }
}

/** The key that another target of the same site has. */
function keyFor(session: GatewaySession, target: string, keyOf: (ctx: RequestContext) => string): string {
  const { request } = session
  const own = request.target
  request.target = target
  try {
    return keyOf(session.ctx)
  } finally {
    request.target = own
  }
}

/** Whether one of them has a value. */
function anyOf(texts: readonly string[] | undefined): ((ctx: RequestContext) => boolean) | undefined {
  if (texts === undefined) return undefined
  const readers = texts.map((text) => ({ read: compileText(text), variable: hasVariables(text) }))
  return (ctx) =>
    readers.some(({ read }) => {
      const value = read(ctx)
      return value !== '' && value !== '0'
    })
}
