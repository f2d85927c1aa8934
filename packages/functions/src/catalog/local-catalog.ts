import type { Operation } from '../control-api/operation.ts'
import { DEFAULT_ACCOUNT, DEFAULT_REGION } from '../model/ports.ts'
import type { ImageLibrary } from '../packages/image/image-library.ts'
import type { PackageLibrary } from '../packages/package-library.ts'
import type { S3Client } from '../packages/s3/s3-client.ts'
import type { StoredPackage } from '../packages/stores/package-store.ts'
import { RUNTIMES } from '../runtimes/runtime-names.ts'
import type { StateStore } from '../state/state-store.ts'
import type { CatalogContext, CatalogEngine, CatalogSettings } from './catalog-context.ts'
import { EngineSync, type VersionListener } from './engine-sync.ts'
import type {
  EventInvokeConfig,
  FunctionCatalog,
  FunctionPolicyCheck,
  FunctionUrl,
  ResolvedFunction,
} from './function-catalog.ts'
import { ImageUpdates } from './image-updates.ts'
import type { MappingReport } from './mappings/mapping-operations.ts'
import { LATEST } from './names/arns.ts'
import { functionReference } from './names/function-reference.ts'
import { catalogOperations } from './operations.ts'
import { PackageReferences } from './package-references.ts'
import { policyAllows } from './policies/evaluate.ts'
import { CatalogRecords } from './records/catalog-records.ts'
import type { MappingRecord } from './records/mapping-record.ts'
import { own } from './records/own.ts'
import { functionNotFound } from './refusals.ts'
import { Resolver } from './resolver.ts'
import { UrlIndex } from './urls/url-index.ts'

export interface LocalCatalogOptions {
  readonly state: StateStore
  /** Opened. */
  readonly packages: PackageLibrary
  readonly images: ImageLibrary
  /** Where S3Bucket and S3Key are looked up. */
  readonly s3?: S3Client | undefined
  readonly settings?: Partial<CatalogSettings>
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** 0 to 1, for aliases with weights. */
  readonly dice?: () => number
  /** How often packages that nobody refers to are looked for; default 10 minutes, 0: never. */
  readonly collectEveryMs?: number
}

const COLLECT_EVERY_MS = 10 * 60_000

/** AWS's: what an Event invocation gets when nothing is said. */
const DEFAULT_RETRIES = 2
const DEFAULT_EVENT_AGE = 21_600

const DEFAULT_SETTINGS: CatalogSettings = {
  region: DEFAULT_REGION,
  account: DEFAULT_ACCOUNT,
  architecture: process.arch === 'arm64' ? 'arm64' : 'x86_64',
  network: 'none',
  accountConcurrency: 1_000,
  minimumUnreserved: 100,
  runtimes: RUNTIMES,
  codeLocation: (origin, sha256) => `${origin}/sekisho/packages/${sha256}.zip`,
  functionUrl: (origin, id) => {
    const { protocol, port } = new URL(origin)
    return `${protocol}//${id}.lambda-url.${DEFAULT_REGION}.localhost${port === '' ? '' : `:${port}`}/`
  },
  eventSourceProblem: () => undefined,
  destinationProblem: () => undefined,
}

/** Functions of this deployment, from a StateStore that may be shared with other nodes. All answers come from memory. */
export class LocalCatalog implements FunctionCatalog {
  /** The control API's, except for Invoke. */
  readonly operations: readonly Operation[]
  readonly #context: CatalogContext
  readonly #resolver: Resolver
  readonly #sync: EngineSync
  readonly #urls: UrlIndex
  readonly #images: ImageUpdates
  readonly #references: PackageReferences
  readonly #reports = new Map<string, MappingReport>()
  #timer: NodeJS.Timeout | undefined

  private constructor(options: LocalCatalogOptions) {
    const records = new CatalogRecords(options.state)
    this.#context = {
      settings: { ...DEFAULT_SETTINGS, ...options.settings },
      records,
      packages: options.packages,
      images: options.images,
      s3: options.s3,
      now: options.now ?? Date.now,
      updating: new Set(),
      engine: () => this.#sync.engine,
      unpackImage: (name) => this.#images.start(name),
    }
    this.#resolver = new Resolver(this.#context, options.dice ?? Math.random)
    // Before the engine hears of a change, nobody may get what was before it.
    for (const table of [records.functions, records.versions]) table.onChange(() => this.#resolver.forget())
    this.#urls = new UrlIndex(records)
    this.#sync = new EngineSync(this.#context, this.#resolver)
    this.#images = new ImageUpdates(this.#context)
    this.#references = new PackageReferences(this.#context)
    records.mappings.onChange((uuid, now) => now === undefined && this.#reports.delete(uuid))
    this.operations = catalogOperations(this.#context, (uuid) => this.#reports.get(uuid))
  }

  /** Reads all records. */
  static async open(options: LocalCatalogOptions): Promise<LocalCatalog> {
    const catalog = new LocalCatalog(options)
    await catalog.#context.records.open()
    catalog.#images.resume()
    const everyMs = options.collectEveryMs ?? COLLECT_EVERY_MS
    if (everyMs > 0) {
      // What fails now (a bucket that is away) is tried again.
      catalog.#timer = setInterval(() => void catalog.collect().catch(() => undefined), everyMs)
      catalog.#timer.unref()
    }
    return catalog
  }

  /** The state and the packages stay open: they are the caller's. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#images.settled()
    this.#context.records.close()
  }

  /** It is told of reserved and provisioned concurrency, and of what has another revision; now and from now on. */
  attach(engine: CatalogEngine): void {
    this.#sync.attach(engine)
  }

  get settings(): CatalogSettings {
    return this.#context.settings
  }

  resolve(nameOrArn: string, qualifier: string | undefined): ResolvedFunction {
    return this.#resolver.resolve(nameOrArn, qualifier)
  }

  prepare(resolved: ResolvedFunction): Promise<void> | undefined {
    return this.#resolver.prepare(resolved.function)
  }

  allows(nameOrArn: string, qualifier: string | undefined, check: FunctionPolicyCheck): boolean {
    const reference = functionReference(nameOrArn, qualifier, this.settings)
    const record = this.#context.records.functions.get(reference.name)
    if (record === undefined) return false
    return policyAllows(own(record.policies, reference.qualifier ?? LATEST) ?? [], check)
  }

  urlById(id: string): FunctionUrl | undefined {
    return this.#urls.byId(id)
  }

  urlOf(nameOrArn: string): FunctionUrl | undefined {
    const { name, qualifier } = functionReference(nameOrArn, undefined, this.settings)
    return this.#urls.of(name, qualifier)
  }

  eventInvokeConfig(functionName: string, qualifier: string | undefined): EventInvokeConfig {
    const { records, settings } = this.#context
    const record = records.functions.get(functionName)
    if (record === undefined) throw functionNotFound(settings, functionName, qualifier)
    const config = own(record.eventInvoke, qualifier ?? LATEST)
    const version = own(record.aliases, qualifier)?.version ?? qualifier ?? LATEST
    return {
      maximumRetryAttempts: config?.maximumRetryAttempts ?? DEFAULT_RETRIES,
      maximumEventAge: config?.maximumEventAge ?? DEFAULT_EVENT_AGE,
      onSuccess: config?.onSuccess,
      onFailure: config?.onFailure,
      deadLetter: (records.version(record, version) ?? record.latest).configuration.deadLetterArn,
    }
  }

  onChange(listener: VersionListener): () => void {
    return this.#sync.onChange(listener)
  }

  /** Event source mappings, for whoever runs them. */
  mappings(): readonly MappingRecord[] {
    return [...this.#context.records.mappings.values()]
  }

  onMappingChange(listener: (uuid: string, mapping: MappingRecord | undefined) => void): () => void {
    return this.#context.records.mappings.onChange((uuid, now) => listener(uuid, now))
  }

  /** What GetEventSourceMapping says of how it goes. */
  reportMapping(uuid: string, report: MappingReport): void {
    if (this.#context.records.mappings.get(uuid) !== undefined) this.#reports.set(uuid, report)
  }

  /** The zip behind `Code.Location`. */
  openPackage(sha256: string): Promise<StoredPackage | undefined> {
    return this.#context.packages.openPackage(sha256)
  }

  /** Removes packages that nobody refers to; done now and then by itself. @returns how many things */
  collect(): Promise<number> {
    return this.#references.collect()
  }

  has(name: string): boolean {
    return this.#context.records.functions.get(name) !== undefined
  }

  /** What is reserved for a function; undefined: nothing, 0: it is not to run. */
  reservedConcurrency(functionName: string): number | undefined {
    return this.#context.records.functions.get(functionName)?.reservedConcurrency
  }

  /** Names of all functions. */
  functionNames(): readonly string[] {
    return [...this.#context.records.functions.ids()].sort()
  }

  /** Until no image is being unpacked. */
  imagesSettled(): Promise<void> {
    return this.#images.settled()
  }
}
