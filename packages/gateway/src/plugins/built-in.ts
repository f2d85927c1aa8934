import type { PluginDefinition } from './definition.ts'

/** The plugins that come with the gateway. A module is loaded when a configuration first names it: idle plugins cost no memory. */
const BUILT_IN = {
  acl: () => import('./acl.ts'),
  'api-breaker': () => import('./api-breaker.ts'),
  'attach-consumer-label': () => import('./attach-consumer-label.ts'),
  'authz-casbin': () => import('./authz-casbin.ts'),
  'aws-lambda': () => import('./aws-lambda.ts'),
  'azure-functions': () => import('./azure-functions.ts'),
  'basic-auth': () => import('./basic-auth.ts'),
  'batch-requests': () => import('./batch-requests.ts'),
  'body-transformer': () => import('./body-transformer.ts'),
  brotli: () => import('./brotli.ts'),
  'clickhouse-logger': () => import('./clickhouse-logger.ts'),
  'client-control': () => import('./client-control.ts'),
  'consumer-restriction': () => import('./consumer-restriction.ts'),
  cors: () => import('./cors.ts'),
  csrf: () => import('./csrf.ts'),
  datadog: () => import('./datadog.ts'),
  echo: () => import('./echo.ts'),
  'elasticsearch-logger': () => import('./elasticsearch-logger.ts'),
  'error-log-logger': () => import('./error-log-logger.ts'),
  'fault-injection': () => import('./fault-injection.ts'),
  'file-logger': () => import('./file-logger.ts'),
  'forward-auth': () => import('./forward-auth.ts'),
  'grpc-transcode': () => import('./grpc-transcode.ts'),
  'grpc-web': () => import('./grpc-web.ts'),
  gzip: () => import('./gzip.ts'),
  'hmac-auth': () => import('./hmac-auth.ts'),
  'http-logger': () => import('./http-logger.ts'),
  'ip-restriction': () => import('./ip-restriction.ts'),
  'jwe-decrypt': () => import('./jwe-decrypt.ts'),
  'jwt-auth': () => import('./jwt-auth.ts'),
  'kafka-logger': () => import('./kafka-logger.ts'),
  'key-auth': () => import('./key-auth.ts'),
  lambda: () => import('./lambda.ts'),
  'lambda-authorizer': () => import('./lambda-authorizer.ts'),
  'lambda-connections': () => import('./lambda-connections.ts'),
  'lambda-websocket': () => import('./lambda-websocket.ts'),
  'ldap-auth': () => import('./ldap-auth.ts'),
  'limit-conn': () => import('./limit-conn.ts'),
  'limit-count': () => import('./limit-count.ts'),
  'limit-req': () => import('./limit-req.ts'),
  'loki-logger': () => import('./loki-logger.ts'),
  mocking: () => import('./mocking.ts'),
  'multi-auth': () => import('./multi-auth.ts'),
  'node-status': () => import('./node-status.ts'),
  opa: () => import('./opa.ts'),
  openfunction: () => import('./openfunction.ts'),
  'openid-connect': () => import('./openid-connect.ts'),
  opentelemetry: () => import('./opentelemetry.ts'),
  openwhisk: () => import('./openwhisk.ts'),
  prometheus: () => import('./prometheus.ts'),
  'proxy-cache': () => import('./proxy-cache.ts'),
  'proxy-control': () => import('./proxy-control.ts'),
  'proxy-mirror': () => import('./proxy-mirror.ts'),
  'proxy-rewrite': () => import('./proxy-rewrite.ts'),
  'public-api': () => import('./public-api.ts'),
  'real-ip': () => import('./real-ip.ts'),
  redirect: () => import('./redirect.ts'),
  'referer-restriction': () => import('./referer-restriction.ts'),
  'request-id': () => import('./request-id.ts'),
  'response-rewrite': () => import('./response-rewrite.ts'),
  'server-info': () => import('./server-info.ts'),
  'splunk-hec-logging': () => import('./splunk-hec-logging.ts'),
  syslog: () => import('./syslog.ts'),
  'tcp-logger': () => import('./tcp-logger.ts'),
  'traffic-split': () => import('./traffic-split.ts'),
  'ua-restriction': () => import('./ua-restriction.ts'),
  'udp-logger': () => import('./udp-logger.ts'),
  'uri-blocker': () => import('./uri-blocker.ts'),
  wasm: () => import('./wasm.ts'),
  workflow: () => import('./workflow.ts'),
} as const satisfies Record<string, () => Promise<{ readonly default: unknown }>>

/** Those with `apis`: loaded once a route has `public-api`, which may lead to them. */
export const WITH_APIS: readonly string[] = ['batch-requests', 'node-status', 'prometheus']

export const builtInNames = (): string[] => Object.keys(BUILT_IN)

/** The definition of a built-in plugin; undefined for a name that is none. */
export async function loadBuiltIn(name: string): Promise<PluginDefinition | undefined> {
  if (!Object.hasOwn(BUILT_IN, name)) return undefined
  const module = await BUILT_IN[name as keyof typeof BUILT_IN]()
  return module.default as unknown as PluginDefinition
}
