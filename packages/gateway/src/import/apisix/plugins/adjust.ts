import type { Fields } from '../../output/noted.ts'
import { redisOptionsOf } from '../../../redis/index.ts'
import type { Report } from '../../report/report.ts'
import { isFields } from '../source/source-item.ts'
import { LOGGER_ADJUSTMENTS } from './adjust-loggers.ts'

/** Changes a plugin's configuration, in place, where the same words mean something else here. */
type Adjustment = (config: Fields, path: string, report: Report) => void

/** Counters in a Redis. What the policy has no use for is ignored there and refused here. */
function countInRedis(config: Fields, path: string, report: Report): void {
  const { policy = 'local' } = config
  const isStream = path.startsWith('/stream_routes')
  if (isStream && policy !== 'local') {
    delete config['policy']
    report.add('not carried over', `${path}/policy`, `${JSON.stringify(policy)}: connections are counted by each node`)
  }
  if (config['redis_role'] === 'slave' && policy === 'redis-sentinel') {
    delete config['redis_role']
    report.add('not carried over', `${path}/redis_role`, '"slave": counters have to be written, so the master is used')
  }
  const used = isStream ? [] : redisOptionsOf(policy)
  for (const name of Object.keys(config))
    if (/^(redis|sentinel)_/.test(name) && !used.includes(name)) delete config[name]
  if (used.length === 0) {
    delete config['key_ttl']
    return
  }
  if (config['allow_degradation'] === undefined)
    report.warnOnce(
      'Redis away',
      `${path}/policy`,
      'while Redis is away APISIX answers 500, and requests pass here: write "allow_degradation: false" for the 500',
    )
}

/** What is open there, and has no effect or is closed here. */
function openIdNarrower(config: Fields, path: string, report: Report): void {
  const { accept_unsupported_alg: unchecked, session } = config
  if (unchecked === true) {
    delete config['accept_unsupported_alg']
    report.warnOnce(
      'unchecked ID tokens',
      `${path}/accept_unsupported_alg`,
      'ID tokens whose signature cannot be checked are refused here: have the provider sign with RS256 or ES256',
    )
  }
  if (!isFields(session) || session['redis'] === undefined || session['storage'] === 'redis') return
  delete (session as Fields)['redis']
  report.add('warning', `${path}/session/redis`, 'has no effect without "storage: redis", and is left out')
}

/** How much of a body APISIX keeps in memory for a plugin, where nothing is written. */
const LARGEST_BODY = 67_108_864

const PB_OPTIONS = ['enum_as_name', 'int64_as_number', 'auto_default_values', 'disable_hooks']

const ADJUSTMENTS: Readonly<Record<string, Adjustment>> = {
  ...LOGGER_ADJUSTMENTS,
  'limit-conn': countInRedis,
  'limit-count': countInRedis,
  'limit-req': countInRedis,
  'grpc-transcode'(config) {
    config['pb_option'] ??= PB_OPTIONS
    config['field_names'] ??= 'proto'
  },
  acl(config, path, report) {
    if (config['external_user_label_field_parser'] === 'segmented_text') return
    if (config['external_user_label_field_separator'] === undefined) return
    delete config['external_user_label_field_separator']
    const message = 'has no effect without the parser "segmented_text", and is left out'
    report.add('warning', `${path}/external_user_label_field_separator`, message)
  },
  'api-breaker'(config, path, report) {
    if (config['break_response_headers'] === undefined || config['break_response_body'] !== undefined) return
    delete config['break_response_headers']
    report.add(
      'not carried over',
      `${path}/break_response_headers`,
      'APISIX sends them with a "break_response_body" alone',
    )
  },
  workflow({ rules }, path, report) {
    if (!Array.isArray(rules)) return
    for (const [index, rule] of rules.entries()) {
      if (!isFields(rule) || !Array.isArray(rule['actions'])) continue
      const actions = rule['actions'] as unknown[]
      const place = `${path}/rules/${index}/actions`
      if (actions.length > 1)
        report.add('not carried over', `${place}/1`, 'APISIX runs the first action of a rule alone')
      actions.splice(1)
      const [name, config] = Array.isArray(actions[0]) ? (actions[0] as unknown[]) : []
      if (typeof name === 'string' && isFields(config)) adjust(name, config as Fields, `${place}/0/1`, report)
    }
  },
  'body-transformer'(config) {
    if (config['request'] !== undefined) config['max_req_body_size'] ??= LARGEST_BODY
    if (config['response'] !== undefined) config['max_resp_body_size'] ??= LARGEST_BODY
  },
  degraphql(config) {
    config['max_req_body_size'] ??= LARGEST_BODY
  },
  'forward-auth'(config) {
    if (config['request_method'] === 'POST') config['max_req_body_size'] ??= LARGEST_BODY
  },
  'request-validation'(config) {
    if (config['body_schema'] !== undefined) config['max_req_body_size'] ??= LARGEST_BODY
  },
  zipkin(config) {
    config['service_name'] ??= 'APISIX'
  },
  'ldap-auth'(config, path, report) {
    if (config['use_tls'] !== true || config['tls_verify'] !== undefined) return
    config['tls_verify'] = false
    report.warnOnce(
      'ldap',
      path,
      'APISIX does not verify the certificate of the directory; remove "tls_verify" to do it',
    )
  },
  'openid-connect'(config, path, report) {
    openIdNarrower(config, path, report)
    if (config['bearer_only'] === true || config['session'] !== undefined) return
    config['session'] = { secret: '$env://OIDC_SESSION_SECRET' }
    report.warnOnce(
      'openid session',
      path,
      'has no secret for its sessions, where APISIX makes one up; set OIDC_SESSION_SECRET to 32 random characters',
    )
  },
  'proxy-cache'(config) {
    // What is left out there means this; here it means RFC 9111, and memory.
    config['cache_strategy'] ??= 'disk'
    config['cache_zone'] ??= 'disk_cache_one'
    config['cache_ttl'] ??= 300
    config['cache_http_status'] ??= [200, 301, 404]
    config['cache_control'] ??= false
  },
  'hmac-auth'(config, path, report) {
    if (config['secret_key'] !== undefined || config['signed_headers'] !== undefined) return
    // What is left out there means this; here method and path have to be signed as well.
    config['signed_headers'] = ['date']
    report.warnOnce(
      'signed paths',
      path,
      'a signature holds for any path while it is fresh: add "@request-target" to "signed_headers" once all clients sign it',
    )
  },
  'jwt-auth'(config, path, report) {
    if (config['private_key'] !== undefined) {
      delete config['private_key']
      report.add('not carried over', `${path}/private_key`, 'tokens are only checked here, not signed')
    }
    if (config['exp'] === undefined) return
    report.warnOnce(
      'age of tokens',
      `${path}/exp`,
      'tokens that are older than this, counted from their "iat", are refused here; APISIX only signed with it',
    )
  },
  'multi-auth'({ auth_plugins: sets }, path, report) {
    if (!Array.isArray(sets)) return
    for (const [index, set] of sets.entries()) {
      if (!isFields(set)) continue
      for (const [name, config] of Object.entries(set))
        if (isFields(config)) adjust(name, config, `${path}/auth_plugins/${index}/${name}`, report)
    }
  },
  redirect(config, path, report) {
    if (config['http_to_https'] !== true || config['ret_port'] !== undefined) return
    config['ret_port'] = 9443
    report.warnOnce(
      'https port',
      `${path}/http_to_https`,
      'APISIX names the port on which it listens for TLS. 9443 is written, its default: remove "ret_port" for 443',
    )
  },
  prometheus(_config, path, report) {
    report.warnOnce('metrics', path, 'metrics have other names, and are at 127.0.0.1:9091/metrics for all routes')
  },
}

export const adjust = (plugin: string, config: Fields, path: string, report: Report): void =>
  ADJUSTMENTS[plugin]?.(config, path, report)
