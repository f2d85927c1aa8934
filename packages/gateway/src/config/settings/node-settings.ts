import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { withDefaults } from '../../resources/defaults.ts'
import { type AcmeSettings, acmeSettings } from './acme.ts'
import { type AdminSettings, adminSettings } from './admin.ts'
import { type DiscoverySettings, discoverySettings } from './discovery.ts'
import { type FunctionsSettings, functionsSettings } from './functions.ts'
import { type Listen, type ListenAddress, type Listener, parseListenAddress, type TlsListener } from './listen.ts'
import type { Limits, UpstreamDefaults } from './limits.ts'
import type { AccessLog, ErrorLog } from './logs.ts'
import { type OverloadSettings, overloadSettings } from './overload.ts'
import { type CacheZoneSettings, cacheZones } from './proxy-cache.ts'
import { Settings } from './settings.ts'
import { type StoreSettings, storeSettings } from './store.ts'
import { type NamedFilterSettings, wasmSettings } from './wasm.ts'

/** The settings of a node, complete. Paths are absolute; relative ones were relative to the configuration file. */
export interface NodeSettings {
  readonly listen: readonly Listener[]
  readonly workers: number | 'auto'
  readonly admin: AdminSettings | undefined
  readonly metrics: { readonly address: ListenAddress } | undefined
  readonly store: StoreSettings
  /** Keys that encrypt what is secret in a store; undefined: it is not encrypted. */
  readonly data_encryption: { readonly keyring: readonly string[] } | undefined
  /** Folders with files that documents of a store may name. */
  readonly secret_paths: readonly string[]
  /** Folders with files that plugins in documents of a store may write to. */
  readonly log_paths: readonly string[]
  readonly discovery: DiscoverySettings
  readonly functions: FunctionsSettings | undefined
  /** Names of the plugins that may be used; undefined: all. */
  readonly plugins: readonly string[] | undefined
  readonly plugin_paths: readonly string[]
  /** WebAssembly filters that are plugins with names of their own. */
  readonly wasm?: { readonly plugins: readonly NamedFilterSettings[] }
  /** Whether functions of plugins may run outside of the sandbox. */
  readonly scripts: { readonly trusted: boolean }
  /** `path` is absolute, or `stdout`. */
  readonly access_log: AccessLog | undefined
  /** `path` is absolute, or `stderr`. */
  readonly error_log: ErrorLog
  readonly limits: Limits
  readonly upstream_defaults: UpstreamDefaults
  readonly overload: OverloadSettings
  /** Where this gateway runs. */
  readonly zone: string | undefined
  /** Zones of `proxy-cache`. */
  readonly proxy_cache: { readonly zones: readonly CacheZoneSettings[] }
  readonly shutdown: { readonly grace_period: number; readonly drain_delay: number }
  readonly upgrade: { readonly ready_timeout: number }
  readonly server_header: string | undefined
  readonly trusted_addresses: readonly string[]
  /** Certificates that the gateway gets for itself. */
  readonly acme: AcmeSettings | undefined
  readonly fips: boolean
}

export type { AdminKey } from './admin.ts'

/** Everything that has a default has it after `withDefaults`. */
type Filled = Required<Omit<Settings, OptionalSetting>> & Pick<Settings, OptionalSetting>
type OptionalSetting =
  | 'acme'
  | 'admin'
  | 'data_encryption'
  | 'functions'
  | 'plugins'
  | 'plugin_paths'
  | 'wasm'
  | 'access_log'
  | 'zone'

/** Completes settings that passed all checks. */
export function nodeSettings(settings: Settings, file: string): NodeSettings {
  const filled = withDefaults(Settings, settings) as Filled
  const folder = dirname(resolve(file))
  const at = (path: string): string => resolve(folder, path)
  const { metrics, functions, access_log, error_log } = filled
  return {
    listen: filled.listen.map((listen) => listener(listen, at)),
    workers: filled.workers,
    admin: adminOf(filled, at),
    metrics: metrics === false ? undefined : { address: address(metrics.address!) },
    store: storeSettings(filled.store, at),
    data_encryption: filled.data_encryption,
    secret_paths: filled.secret_paths.map(at),
    log_paths: filled.log_paths.map(at),
    discovery: discoverySettings(filled.discovery, at),
    functions: functions && functionsSettings(functions, at),
    plugins: filled.plugins,
    plugin_paths: filled.plugin_paths?.map(at) ?? defaultPluginPaths(at('./plugins')),
    ...(filled.wasm === undefined ? {} : { wasm: wasmSettings(filled.wasm, at) }),
    scripts: { trusted: filled.scripts.trusted! },
    access_log: access_log && logAt(access_log as AccessLog, 'stdout', at),
    error_log: logAt(error_log as ErrorLog, 'stderr', at),
    limits: filled.limits as Limits,
    upstream_defaults: filled.upstream_defaults as UpstreamDefaults,
    overload: overloadSettings(filled.overload),
    zone: filled.zone,
    proxy_cache: { zones: cacheZones(filled.proxy_cache, at) },
    shutdown: { grace_period: filled.shutdown.grace_period!, drain_delay: filled.shutdown.drain_delay! },
    upgrade: { ready_timeout: filled.upgrade.ready_timeout! },
    server_header: filled.server_header === false ? undefined : filled.server_header,
    trusted_addresses: filled.trusted_addresses,
    acme: filled.acme && acmeSettings(filled.acme, at),
    fips: filled.fips,
  }
}

/** A store that cannot be edited by hand is of no use without it. */
function adminOf({ admin, store }: Filled, at: (path: string) => string): AdminSettings | undefined {
  if (admin === undefined && store.type === 'file') return undefined
  return adminSettings(admin ?? {}, at(store.type === 'embedded' ? store.path : './data'), at)
}

const defaultPluginPaths = (folder: string): string[] => (existsSync(folder) ? [folder] : [])

const logAt = <L extends { path: string }>(log: L, stream: string, at: (path: string) => string): L =>
  log.path === stream ? log : { ...log, path: at(log.path) }

function address(written: number | string): ListenAddress {
  const parsed = parseListenAddress(written)
  if (typeof parsed === 'string') throw new Error(`address "${written}": ${parsed}`)
  return parsed
}

const PLAIN = { protocol: 'http', proxyProtocol: undefined, passthrough: false, http2: true, tls: undefined } as const

function listener(listen: Listen, at: (path: string) => string): Listener {
  if (typeof listen !== 'object') return { ...address(listen), ...PLAIN }
  const { protocol = 'http', tls, http2 = true, proxy_protocol: proxyProtocol } = listen
  return {
    ...address(listen.address),
    protocol,
    proxyProtocol,
    passthrough: tls === 'passthrough',
    http2,
    tls: tls === undefined || tls === false || tls === 'passthrough' ? undefined : tlsListener(tls, at),
  }
}

const tlsListener = (tls: true | { cert: string; key: string }, at: (path: string) => string): TlsListener => ({
  certificate: tls === true ? undefined : { cert: at(tls.cert), key: at(tls.key) },
})
