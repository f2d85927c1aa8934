import type { AdminOptions } from '../admin/admin-options.ts'
import type { AuditEntry } from '../admin/audit/audit-entry.ts'
import { AuditLog } from '../admin/audit/audit-log.ts'
import { keyFromFile } from '../admin/access/key-file.ts'
import { AdminServer } from '../admin/server/admin-server.ts'
import type { AdminKey, NodeSettings } from '../config/settings/node-settings.ts'
import type { AdminSettings } from '../config/settings/admin.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { PluginLogger } from '../plugins/context.ts'
import type { ZonePurges } from '../cache/zone-purges.ts'
import type { HealthReportOf } from '../health/health-control.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import { ControlPlugins } from './control-plugins.ts'

export interface NodeAdminOptions {
  readonly settings: NodeSettings & { readonly admin: AdminSettings }
  /** The configuration file, for messages. */
  readonly file: string
  readonly target: ConstructorParameters<typeof AdminServer>[0]['target']
  readonly control: ControlPlane
  readonly readOnly?: string
  /** What is in force. */
  readonly resources: () => ResourceSet
  /** What is known of the nodes of upstreams. */
  /** Purges of the cache zones. */
  readonly caches?: ZonePurges
  readonly health?: () => readonly HealthReportOf[]
  /** What is known of the services of a type of discovery. */
  readonly discovered?: AdminOptions['discovered']
  /** Code of the user's plugins, by file. */
  readonly plugins: ReadonlyMap<string, string>
  readonly reload: () => Promise<void>
  readonly logger: PluginLogger
}

/** The Admin API of a node. Loaded by nodes that have one. */
export interface NodeAdmin {
  pluginsChanged(codes: ReadonlyMap<string, string>): void
  /** Certificates and the audit log are opened anew. */
  reopen(): void
  close(): Promise<void>
}

/** Serves the Admin API on the address that the settings name. */
export async function startAdmin(options: NodeAdminOptions): Promise<NodeAdmin> {
  const { settings, file, target, control, readOnly, logger, reload } = options
  const { admin } = settings
  const plugins = await ControlPlugins.load(options.plugins)
  const auditLog = admin.auditLog === undefined ? undefined : new AuditLog(admin.auditLog)
  const server = new AdminServer({
    target,
    tls: admin.tls,
    control,
    readOnly,
    plugins,
    allowedPlugins: settings.plugins,
    allowAdmin: admin.allowAdmin,
    keys: admin.keys.length > 0 ? admin.keys : [keptKey(admin.keyFile)],
    logger,
    reloadPlugins: reload,
    configuration: () => ({
      config: { file, settings, resources: options.resources(), files: [], secrets: [], withoutSecrets: [] },
      plugins: plugins.current,
    }),
    health: options.health,
    caches: options.caches,
    discovered: options.discovered,
    audit: (entry) => (auditLog === undefined ? logInstead(logger, entry) : auditLog.write(entry)),
  })
  await server.listen()
  const attempt = (task: () => void, failure: string): void => {
    try {
      task()
    } catch (err) {
      logger.error({ err }, failure)
    }
  }
  return {
    pluginsChanged: (codes) => {
      plugins.update(codes).catch((err: unknown) => logger.error({ err }, 'the Admin API keeps the plugins before'))
    },
    reopen: () => {
      attempt(() => auditLog?.reopen(), 'the audit log cannot be opened anew')
      attempt(() => server.reloadTls(), 'the Admin API keeps the certificate before')
    },
    close: async () => {
      await server.close()
      auditLog?.close()
    },
  }
}

function keptKey(path: string): AdminKey {
  const { key, made } = keyFromFile(path)
  // Not to the error log: that is kept, and read by many.
  if (made) process.stderr.write(`the Admin API has no keys, so one was made: ${key}\nit is kept in ${path}\n`)
  return { name: 'admin', key, role: 'admin' }
}

const logInstead = (logger: PluginLogger, audit: AuditEntry): void =>
  logger.info({ audit }, `${audit.who} at ${audit.from}: ${audit.method} ${audit.path}: ${audit.outcome}`)
