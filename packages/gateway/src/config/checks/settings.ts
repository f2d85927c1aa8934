import { compileFormat, LogFormatError } from '../../observability/access-log/index.ts'
import { parseCidr } from '../../addresses/index.ts'
import { checkDiscoverySettings } from './discovery.ts'
import type { CheckContext } from './entry.ts'
import { checkFunctions } from './functions.ts'
import { type Listen, parseListenAddress } from '../settings/listen.ts'
import type { Settings } from '../settings/settings.ts'
import { reasonOf } from './reason.ts'
import type { Findings } from '../problem.ts'
import { suggest } from '../explain/suggest.ts'

/** Of the text that a key is made from. */
const MIN_KEY_LENGTH = 16

/** What the schema of the node's settings cannot say. */
export function checkSettings(findings: Findings, settings: Settings): void {
  checkListeners(findings, settings)
  for (const section of ['admin', 'metrics', 'functions'] as const) {
    const part = settings[section]
    if (typeof part === 'object' && part.address !== undefined)
      checkAddress(findings, part.address, `/${section}/address`)
  }
  const names = new Set<string>()
  for (const [index, { name }] of (settings.admin?.keys ?? []).entries()) {
    if (names.has(name)) {
      findings.add({
        path: `/admin/keys/${index}/name`,
        value: JSON.stringify(name),
        message: 'is the name of another key already',
      })
    }
    names.add(name)
  }
  checkNetworks(findings, settings.trusted_addresses ?? [], '/trusted_addresses')
  checkNetworks(findings, settings.admin?.allow_admin ?? [], '/admin/allow_admin')
  checkAccessLog(findings, settings)
  checkDiscoverySettings(findings, settings)
  if (settings.store?.type === 'etcd') checkEtcd(findings, settings.store)
  checkFunctions(findings, settings)
  for (const [index, key] of (settings.data_encryption?.keyring ?? []).entries()) {
    if (key.length >= MIN_KEY_LENGTH) continue
    // The key is a secret, so it is not shown.
    const message = `has ${key.length} characters, and a key at least ${MIN_KEY_LENGTH}`
    findings.add({
      path: `/data_encryption/keyring/${index}`,
      message,
      remedy: 'write what "openssl rand -hex 32" gives',
    })
  }
  if (settings.metrics === false && (settings.shutdown?.drain_delay ?? 0) > 0) {
    findings.add({
      path: '/shutdown/drain_delay',
      atKey: true,
      message:
        'nobody can see that the gateway is not ready: "/status/ready" is on the address of "metrics", which is false',
      remedy: 'give "metrics" an address, or remove "drain_delay"',
    })
  }
  const without = settings.store === undefined || settings.store.type === 'file'
  for (const name of ['data_encryption', 'secret_paths', 'log_paths'] as const) {
    if (!without || settings[name] === undefined) continue
    const remedy = name.endsWith('_paths') ? 'remove it: a configuration file may name any file' : 'remove it'
    findings.add({ path: `/${name}`, atKey: true, message: 'has no meaning without an embedded store or etcd', remedy })
  }
}

function checkEtcd(findings: Findings, { tls, endpoints }: Extract<Settings['store'], { type: 'etcd' }>): void {
  if (tls === undefined || endpoints.some((endpoint) => endpoint.startsWith('https://'))) return
  findings.add({
    path: '/store/tls',
    atKey: true,
    message: 'no endpoint begins with "https://"',
    remedy: 'write "https://HOST:PORT", or remove "tls"',
  })
}

function checkNetworks(findings: Findings, networks: readonly string[], path: string): void {
  for (const [index, network] of networks.entries()) {
    try {
      parseCidr(network)
    } catch (error) {
      findings.add({ path: `${path}/${index}`, value: JSON.stringify(network), ...reasonOf(error, network) })
    }
  }
}

function checkAccessLog(findings: Findings, { access_log: log }: Settings): void {
  if (log === undefined || log.format === undefined) return
  try {
    compileFormat(log.format as Parameters<typeof compileFormat>[0])
  } catch (error) {
    if (!(error instanceof LogFormatError)) throw error
    findings.add({
      path: `/access_log/format${error.pointer}`,
      value: JSON.stringify(log.format),
      message: error.message,
    })
  }
}

function checkListeners(findings: Findings, { listen = [] }: Settings): void {
  const seen = new Set<string>()
  for (const [index, one] of listen.entries()) {
    const path = `/listen/${index}`
    const address = typeof one === 'object' ? one.address : one
    const place = typeof one === 'object' ? `${path}/address` : path
    // A port of TCP and the same of UDP are two.
    const text = `${typeof one === 'object' && one.protocol === 'udp' ? 'udp ' : ''}${String(address)}`
    checkAddress(findings, address, place)
    if (seen.has(text) && !/(^|:)0$/.test(text))
      findings.add({ path: place, value: JSON.stringify(address), message: 'is there twice' })
    seen.add(text)
    if (typeof one === 'object') checkProtocol(findings, one, path)
  }
}

/** What is said of a listener must mean something for its protocol. */
function checkProtocol(
  findings: Findings,
  { protocol = 'http', address, tls, http2, proxy_protocol: proxied }: Exclude<Listen, number | string>,
  path: string,
): void {
  const meaningless = (field: string, where: string, remedy: string): void =>
    findings.add({ path: `${path}/${field}`, atKey: true, message: `has no meaning with ${where}`, remedy })
  if (protocol === 'http') {
    if (tls === 'passthrough') meaningless('tls', '"protocol: http"', 'add "protocol: tcp"')
    return
  }
  if (http2 !== undefined) meaningless('http2', `"protocol: ${protocol}"`, 'remove it')
  if (protocol === 'tcp') return
  if (tls !== undefined && tls !== false) meaningless('tls', '"protocol: udp"', 'remove it')
  if (proxied !== undefined) meaningless('proxy_protocol', '"protocol: udp"', 'remove it')
  if (String(address).startsWith('unix:')) {
    findings.add({
      path: `${path}/address`,
      value: JSON.stringify(address),
      message: 'is a Unix socket, which takes no datagrams here',
      remedy: 'write PORT or "HOST:PORT"',
    })
  }
}

function checkAddress(findings: Findings, address: number | string, path: string): void {
  const parsed = parseListenAddress(address)
  if (typeof parsed !== 'string') return
  findings.add({
    path,
    value: JSON.stringify(address),
    message: parsed,
    remedy: 'write PORT, "HOST:PORT" or "unix:PATH"',
  })
}

/** The plugins that the node allows must be there. */
export function checkAllowedPlugins({ plugins, findings }: CheckContext, allowed: readonly string[]): void {
  const known = plugins.names()
  for (const [index, name] of allowed.entries()) {
    if (known.includes(name)) continue
    const meant = suggest(name, known)
    findings.add({
      path: `/plugins/${index}`,
      value: JSON.stringify(name),
      message: 'there is no plugin of this name',
      remedy: meant === undefined ? undefined : `did you mean "${meant}"?`,
    })
  }
}
