import type { ResourceKind } from '../resources/kind-names.ts'
import type { PluginLookup } from './plugin-lookup.ts'

/** Fields of plugins, upstreams and secret managers that hold secrets, by the names that people give them. */
const SECRET_NAME =
  /^(.*_)?(password|passwd|secret|token|private_key|client_key|secret_key|access_key|access_key_id|secret_access_key|accesskey|secretkey|api_key|apikey|encryption_key|hmac_key|credential|credentials|authorization|auth_value)$/i

/** Whether a field of that name holds a secret, wherever it stands. */
export const isSecretName = (name: string): boolean =>
  SECRET_NAME.test(name.includes('-') ? name.replaceAll('-', '_') : name)

/** Whether a text is a URL with a password in it, as `https://user:password@host/`, wherever it stands. */
export const hasPassword = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]*:[^/?#@\s]+@/i.test(text)

/** Where the plugin of a consumer keeps what the consumer shows. */
const AUTH_NAME = /^(key|keys|pass|jwt_secret)$/

/** Secrets of plugins whose names say nothing, wherever the plugin stands: their fields, by plugin. */
const OF_PLUGINS: Readonly<Record<string, RegExp>> = {
  csrf: /^key$/,
  'http-logger': /^auth_header$/,
  sentry: /^dsn$/,
}

/** Plugins whose headers say who sends: what their values are, only whoever wrote them knows. */
const HEADERS: ReadonlySet<string> = new Set([
  'loki-logger/headers',
  'elasticsearch-logger/headers',
  // In the metadata of `opentelemetry`.
  'collector/request_headers',
])

/** What is shown in place of a secret. Written back, it stands for the secret that is there. */
export const SECRET_MASK = '***'

/** Whether what stands at a path (names of fields; lists have none) is a secret. */
export type SecretRule = (path: readonly string[]) => boolean

/** Which fields of a resource hold secrets. */
export function secretRule(kind: ResourceKind, plugins: PluginLookup): SecretRule {
  return (path) => {
    const name = path.at(-1) ?? ''
    if (kind === 'ssls') return path.length === 1 && (name === 'key' || name === 'keys')
    if (isSecretName(name)) return path.length > 1 || kind === 'secrets' || kind === 'plugin_metadata'
    if (OF_PLUGINS[path.at(-2) ?? '']?.test(name) === true) return true
    if (HEADERS.has(`${path.at(-3)}/${path.at(-2)}`)) return true
    if (!AUTH_NAME.test(name)) return false
    // Of the consumer itself, or of one of its credentials.
    const at = path[0] === 'credentials' ? 2 : 0
    if (path[at] !== 'plugins') return false
    const plugin = plugins.get(path[at + 1] ?? '')
    return kind === 'consumers' && (plugin === undefined || plugin.type === 'auth')
  }
}
