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

/** Look at what comes from whoever is in. */
const FILTERS: ReadonlySet<string> = new Set([
  'ai-aliyun-content-moderation',
  'ai-aws-content-moderation',
  'ai-lakera-guard',
  'ai-prompt-guard',
  'chaitin-waf',
  'client-control',
  'csrf',
  'oas-validator',
  'referer-restriction',
  'request-validation',
  'ua-restriction',
  'uri-blocker',
])

export const isGuard = (plugin: string): boolean => GUARDS.has(plugin)
export const isFilter = (plugin: string): boolean => FILTERS.has(plugin)

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
