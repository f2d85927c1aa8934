/** Decide who may in. Without them a route would be open to all. */
const GUARDS: ReadonlySet<string> = new Set([
  'acl',
  'authz-casbin',
  'authz-casdoor',
  'authz-keycloak',
  'basic-auth',
  'cas-auth',
  'consumer-restriction',
  'dingtalk-auth',
  'feishu-auth',
  'forward-auth',
  'hmac-auth',
  'ip-restriction',
  'jwe-decrypt',
  'jwt-auth',
  'key-auth',
  'ldap-auth',
  'ldap-auth-advanced',
  'multi-auth',
  'opa',
  'openid-connect',
  'saml-auth',
  'wolf-rbac',
])

/** Only look at what passes, or change how it is sent. Of other plugins, those of users among them, nobody here can know what they check. */
const HARMLESS =
  /(-logger|-logging|^(ai|ai-cache|attach-consumer-label|body-transformer|brotli|datadog|degraphql|echo|elasticsearch-logger|error-page|exit-transformer|gzip|inspect|lago|log-rotate|loggly|node-status|opentelemetry|prometheus|proxy-(buffering|cache|control|mirror)|graphql-proxy-cache|public-api|server-info|skywalking|syslog|tencent-cloud-cls|traffic-(label|split)|zipkin))$/

/** Have work of their own instead of checking that of others. */
const WORKERS =
  /^(ai-proxy(-multi)?|aws-lambda|azure-functions|batch-requests|dubbo-proxy|http-dubbo|kafka-proxy|mcp-bridge|mocking|mqtt-proxy|open(function|whisk)|redirect)$/

export const isGuard = (plugin: string): boolean => GUARDS.has(plugin)
/** Whether it may have refused requests for what is in them. */
export const isFilter = (plugin: string): boolean =>
  !GUARDS.has(plugin) && !HARMLESS.test(plugin) && !WORKERS.test(plugin)

/** Of consumers: what the consumer shows. It guards nothing there. */
const CREDENTIALS: ReadonlySet<string> = new Set([
  'basic-auth',
  'hmac-auth',
  'jwe-decrypt',
  'jwt-auth',
  'key-auth',
  'ldap-auth',
  'ldap-auth-advanced',
  'wolf-rbac',
])

export const isCredential = (plugin: string): boolean => CREDENTIALS.has(plugin)
