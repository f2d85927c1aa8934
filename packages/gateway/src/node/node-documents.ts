import { dirname } from 'node:path'
import type { NodeSettings } from '../config/settings/node-settings.ts'
import type { StoreSettings } from '../config/settings/store.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import { StoreControlPlane } from '../control/store-control-plane.ts'
import { type ControlMetrics, METRICS } from '../observability/metrics/index.ts'
import type { PluginLogger } from '../plugins/context.ts'
import type { StoreBackend } from '../store/backend/backend.ts'
import { DocumentCodec } from '../store/documents/document-codec.ts'
import { DocumentStore } from '../store/documents/document-store.ts'
import { KeyRing } from '../store/documents/key-ring.ts'
import { LastGoodFile } from '../store/documents/last-good-file.ts'
import { SecretCache } from '../secrets/secret-cache.ts'
import { ControlPlugins } from './control-plugins.ts'

export interface NodeDocumentsOptions {
  readonly settings: NodeSettings
  /** The configuration file: paths are relative to its folder. */
  readonly file: string
  /** Code of the user's plugins, by file. */
  readonly plugins: ReadonlyMap<string, string>
  /** Another gateway process of the same supervisor has the store, and will let go. */
  readonly follow: boolean
  readonly metrics: ControlMetrics
  readonly logger: PluginLogger
}

/** The documents of a node, in an embedded store or etcd. Loaded by nodes that have one of these. */
export interface NodeDocuments {
  readonly store: DocumentStore
  readonly control: ControlPlane
  readonly secrets: SecretCache
  pluginsChanged(codes: ReadonlyMap<string, string>): Promise<void>
}

type DocumentSettings = Exclude<StoreSettings, { type: 'file' }>

/** Opens the store that the settings name. Rejects with words when it cannot be opened. */
export async function openDocuments(options: NodeDocumentsOptions): Promise<NodeDocuments> {
  const { settings, file, metrics, logger } = options
  const where = settings.store as DocumentSettings
  const plugins = await ControlPlugins.load(options.plugins)
  const backend = await openBackend(where, options)
  const connected = metrics.own.gauge(METRICS.storeConnected, {})
  const revision = metrics.own.gauge(METRICS.configRevision, {})
  const refused = metrics.own.gauge(METRICS.refusedDocuments, {})
  const secrets = new SecretCache({
    inUse: () => store.secrets(),
    onChange: () => {
      store.recheck().catch((err: unknown) => logger.error({ err }, 'the changed secrets could not be put into force'))
    },
    onProblem: (message) => logger.warn({}, message),
  })
  const store = new DocumentStore({
    backend,
    codec: new DocumentCodec(plugins, settings.data_encryption && new KeyRing(settings.data_encryption.keyring)),
    check: {
      plugins,
      allowed: settings.plugins && new Set(settings.plugins),
      // Nodes that share an etcd may listen elsewhere.
      settings: {
        acme: settings.acme,
        listen: where.type === 'etcd' ? undefined : settings.listen,
        discovery: where.type === 'etcd' ? undefined : settings.discovery,
        proxy_cache: where.type === 'etcd' ? undefined : settings.proxy_cache,
      },
      references: {
        environment: process.env,
        files: { folder: dirname(file), within: settings.secret_paths },
        secrets,
      },
    },
    loadPlugins: () => undefined,
    secrets,
    lastGood: where.type === 'etcd' ? lastGoodFile(where.lastGood, logger) : undefined,
    logger,
    onState: (state) => connected.set(state ? 1 : 0),
    onRevision: (reached, left) => {
      revision.set(reached)
      refused.set(left)
    },
  })
  return {
    store,
    secrets,
    control: new StoreControlPlane(store, backend),
    pluginsChanged: async (codes) => {
      await plugins.update(codes)
      await store.recheck(true)
    },
  }
}

async function openBackend(where: DocumentSettings, { follow, logger }: NodeDocumentsOptions): Promise<StoreBackend> {
  const onProblem = (err: unknown): void => logger.error({ err }, 'something went wrong in the store')
  if (where.type === 'embedded') {
    const { openEmbedded } = await import('../store/embedded/index.ts')
    return openEmbedded({ path: where.path, follow, history: where.history, onProblem })
  }
  const { openEtcd, readTls } = await import('../store/etcd/index.ts')
  const { endpoints, prefix, user, password, tls, history } = where
  return openEtcd({ endpoints, prefix, user, password, tls: tls && readTls(tls), history, onProblem })
}

const lastGoodFile = (path: string, logger: PluginLogger): LastGoodFile =>
  new LastGoodFile(path, (err) =>
    logger.error(
      { err },
      `the last good configuration cannot be written to ${path}: a start without the store would fail`,
    ),
  )
