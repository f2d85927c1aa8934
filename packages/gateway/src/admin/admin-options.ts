import type { IncomingMessage } from 'node:http'
import type { Context, Hono } from 'hono'
import type { ZonePurges } from '../cache/zone-purges.ts'
import type { PluginLookup } from '../config/plugin-lookup.ts'
import type { AdminKey } from '../config/settings/node-settings.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { HealthReportOf } from '../health/health-control.ts'
import type { ReadConfiguration } from '../explain/read-configuration.ts'
import type { PluginLogger } from '../plugins/context.ts'
import type { AuditEntry } from './audit/audit-entry.ts'

export interface AdminOptions {
  readonly control: ControlPlane
  /** Without one nobody gets in. */
  readonly keys: readonly AdminKey[]
  readonly plugins: PluginLookup
  /** Names of the plugins that this node allows; undefined: all. */
  readonly allowedPlugins?: readonly string[] | undefined
  /** Nothing can be written: why, and where changes are made instead. */
  readonly readOnly?: string | undefined
  /** What is in force on this node, for `/explain`. */
  readonly configuration?: (() => ReadConfiguration | Promise<ReadConfiguration>) | undefined
  /** Purges of the cache zones; undefined: there are none. */
  readonly caches?: ZonePurges | undefined
  /** What is known of the nodes of upstreams, for `/v1/healthcheck`. */
  readonly health?: (() => readonly HealthReportOf[]) | undefined
  /** What service discovery knows of the services of a type (`dns`, `consul` …). */
  readonly discovered?: ((type: string) => { readonly services: object; readonly states: object }) | undefined
  /** Loads plugins of the user's anew. */
  readonly reloadPlugins?: (() => Promise<void>) | undefined
  /** Told of every write that was tried. */
  readonly audit: (entry: AuditEntry) => void
  readonly logger: PluginLogger
  /** Networks that may ask at all, as CIDR; left out: all. */
  readonly allowAdmin?: readonly string[] | undefined
  /** Milliseconds, of any clock that goes forward. Left out: the system's. */
  readonly now?: () => number
}

/** What middleware leaves for handlers. `incoming` is not there in tests without a socket. */
export interface AdminEnv {
  Bindings: { readonly incoming?: IncomingMessage }
  Variables: { key: AdminKey }
}

export type AdminContext = Context<AdminEnv>
export type AdminRouter = Hono<AdminEnv>
