import type { FunctionsSettings } from '@sekisho/gateway/internal/config/settings/functions'
import type { PlatformLogger, PlatformOptions } from '@sekisho/functions/internal/platform/options'
import { openEtcdState } from './open-etcd-state.ts'

/** The settings of a configuration as the platform takes them. */
export function platformOptions(settings: FunctionsSettings, logger: PlatformLogger): PlatformOptions {
  const { address, keys, packages, s3, store, logs, price } = settings
  return {
    listen: address.path === undefined ? { host: address.host ?? '::', port: address.port } : { path: address.path },
    path: settings.path,
    driver: settings.driver,
    region: settings.region,
    accountId: settings.account_id,
    keys: keys?.map((key) => ({ accessKeyId: key.access_key_id, secretAccessKey: key.secret_access_key })),
    allowedOrigins: settings.allowed_origins,
    allowedHosts: settings.allowed_hosts,
    drivers: {
      sandbox: {
        firstUser: settings.sandbox.first_user!,
        users: settings.sandbox.users!,
        privateNetworks: settings.sandbox.private_networks!,
      },
      oci: { runtime: settings.oci.runtime! },
      microvm: {
        firecracker: settings.microvm.firecracker!,
        ...(settings.microvm.kernel === undefined ? {} : { kernel: settings.microvm.kernel }),
        ...(settings.microvm.root_file_system === undefined
          ? {}
          : { rootFileSystem: settings.microvm.root_file_system }),
      },
    },
    concurrency: settings.concurrency,
    unreservedConcurrency: settings.unreserved_concurrency,
    maxEnvironments: settings.max_environments,
    maxMemoryMb: settings.max_memory,
    idleTimeoutMs: settings.idle_timeout * 1_000,
    cpu: settings.cpu,
    network: settings.network,
    interpreters: settings.interpreters,
    packages:
      packages.type === 's3' ? { type: 's3', bucket: packages.bucket, prefix: packages.prefix ?? '' } : packages,
    objectStore: s3 && {
      endpoint: s3.endpoint,
      region: s3.region ?? 'us-east-1',
      accessKeyId: s3.access_key_id,
      secretAccessKey: s3.secret_access_key,
    },
    openState: store.type === 'etcd' ? () => openEtcdState(store, settings.path, logger) : undefined,
    queues: settings.queues,
    logs: { maxBytes: logs.max_bytes!, retentionDays: logs.retention! },
    price: { gbSecond: price.gb_second!, request: price.request! },
    logger,
  }
}
