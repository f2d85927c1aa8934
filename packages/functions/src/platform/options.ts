import type { ListenTarget } from '@sekisho/wire'
import type { DriverOptions } from '../drivers/create-driver.ts'
import type { DriverName } from '../drivers/driver.ts'
import type { FunctionNetwork } from '../model/deployed-function.ts'
import type { StateStore } from '../state/state-store.ts'

export interface AccessKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** An S3-compatible object store. */
export interface ObjectStore extends AccessKey {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string
  readonly region: string
}

/** What a function platform is told at its start: complete, paths absolute. */
export interface PlatformOptions {
  /** Of the control API. */
  readonly listen: ListenTarget
  /** Folder of functions, packages and logs. */
  readonly path: string
  readonly driver: DriverName
  readonly region: string
  /** 12 digits. */
  readonly accountId: string
  /** Whose signatures are taken; undefined: any, and none. */
  readonly keys: readonly AccessKey[] | undefined
  /** Web pages that may call the control API; `*` = all. */
  readonly allowedOrigins: readonly string[]
  /** Names with a dot that the control API may be called by. */
  readonly allowedHosts?: readonly string[]
  /** What the driver may be told besides where its data is. */
  readonly drivers?: Omit<DriverOptions, 'dataDirectory'>
  readonly concurrency: number
  readonly unreservedConcurrency: number
  readonly maxEnvironments: number
  /** Undefined: three quarters of the machine. */
  readonly maxMemoryMb: number | undefined
  readonly idleTimeoutMs: number
  readonly cpu: 'proportional' | 'unlimited'
  /** For functions without the tag `sekisho:network`. */
  readonly network: FunctionNetwork
  /** By runtime: `nodejs24.x`. */
  readonly interpreters: Readonly<Record<string, string>>
  readonly packages:
    | { readonly type: 'directory' }
    | { readonly type: 's3'; readonly bucket: string; readonly prefix: string }
  readonly objectStore: ObjectStore | undefined
  /** Where functions are kept instead of a store in `path`. */
  readonly openState: (() => Promise<StateStore>) | undefined
  /** What stands behind ARNs of queues: `arn:aws:sqs:…:orders` or `arn:aws:sqs:*` to `redis://127.0.0.1:6379`. */
  readonly queues?: Readonly<Record<string, string>>
  readonly logs: { readonly maxBytes: number; readonly retentionDays: number }
  /** US dollars. */
  readonly price: { readonly gbSecond: number; readonly request: number }
  readonly logger: PlatformLogger
}

/** A pino logger fits as it is. */
export interface PlatformLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
