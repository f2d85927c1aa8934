import type { Engine } from '../engine/engine.ts'
import type { FunctionNetwork } from '../model/deployed-function.ts'
import type { ImageLibrary } from '../packages/image/image-library.ts'
import type { PackageLibrary } from '../packages/package-library.ts'
import type { S3Client } from '../packages/s3/s3-client.ts'
import type { Scope } from './names/arns.ts'
import type { CatalogRecords } from './records/catalog-records.ts'

export type Architecture = 'x86_64' | 'arm64'

/** What operators choose, and tests. */
export interface CatalogSettings extends Scope {
  /** What this host runs. */
  readonly architecture: Architecture
  /** Of functions without the tag `sekisho:network`. */
  readonly network: FunctionNetwork
  /** Of all functions together. AWS: 1,000. */
  readonly accountConcurrency: number
  /** What no function may reserve of it. AWS: 100. */
  readonly minimumUnreserved: number
  /** `provided.al2023`, `nodejs24.x`, … that can be deployed. */
  readonly runtimes: readonly string[]
  /** Where a package can be fetched for some minutes: what `Code.Location` says. */
  readonly codeLocation: (origin: string, sha256: string) => string
  /** What clients call a function URL by. */
  readonly functionUrl: (origin: string, id: string, functionName: string) => string
  /** Why events of this source cannot come; undefined: they can. */
  readonly eventSourceProblem: (source: EventSource, settings: Readonly<Record<string, unknown>>) => string | undefined
  /** Why nothing can be sent to this queue, topic, bus or bucket; undefined: it can. */
  readonly destinationProblem: (arn: string) => string | undefined
}

/** What an event source mapping names. */
export interface EventSource {
  readonly arn: string | undefined
  /** Of SelfManagedEventSource: bootstrap servers of Kafka; of Sekisho's own kinds those of Redis or NATS. */
  readonly servers: readonly string[] | undefined
}

/** What of the engine the catalog steers. */
export type CatalogEngine = Pick<Engine, 'reserve' | 'provision' | 'provisioned' | 'retire'>

/** What operations work with. */
export interface CatalogContext {
  readonly settings: CatalogSettings
  readonly records: CatalogRecords
  readonly packages: PackageLibrary
  readonly images: ImageLibrary
  /** Where S3Bucket and S3Key are looked up; undefined: nowhere. */
  readonly s3: S3Client | undefined
  readonly now: () => number
  /** Functions whose package is being taken in: updates of them are refused meanwhile. */
  readonly updating: Set<string>
  /** undefined until there is one. */
  readonly engine: () => CatalogEngine | undefined
  /** An image is to be unpacked in the background. */
  readonly unpackImage: (functionName: string) => void
}
