import type { DeployedFunction } from '../model/deployed-function.ts'
import type { CatalogContext } from './catalog-context.ts'
import { deployedFunction } from './deployed.ts'
import type { ResolvedFunction } from './function-catalog.ts'
import { functionArn, LATEST } from './names/arns.ts'
import { functionReference } from './names/function-reference.ts'
import type { FunctionRecord, VersionRecord } from './records/function-record.ts'
import { own } from './records/own.ts'
import { functionNotFound, notActive } from './refusals.ts'

/** What one spelling of a name stands for. */
interface Target {
  readonly main: ResolvedFunction
  /** Of an alias with weights. */
  readonly other: { readonly resolved: ResolvedFunction; readonly weight: number } | undefined
}

/** Spellings of names that are remembered; each of some hundred bytes. */
const MAX_REMEMBERED = 10_000

/** Names to functions: one or two map lookups for what was asked for before. */
export class Resolver {
  readonly #context: CatalogContext
  readonly #targets = new Map<string, Target>()
  readonly #deployed = new WeakMap<VersionRecord, DeployedFunction>()
  readonly #versions = new WeakMap<DeployedFunction, VersionRecord>()
  readonly #ready = new WeakSet<DeployedFunction>()
  readonly #dice: () => number

  constructor(context: CatalogContext, dice: () => number) {
    this.#context = context
    this.#dice = dice
  }

  resolve(nameOrArn: string, qualifier: string | undefined): ResolvedFunction {
    const key = qualifier === undefined ? nameOrArn : `${nameOrArn}\n${qualifier}`
    const target = this.#targets.get(key) ?? this.#remember(key, nameOrArn, qualifier)
    const { other } = target
    return other !== undefined && this.#dice() < other.weight ? other.resolved : target.main
  }

  /** Something changed. */
  forget(): void {
    this.#targets.clear()
  }

  /** The same object as long as nothing about the version changes. */
  deployed(record: FunctionRecord, version: VersionRecord): DeployedFunction {
    const known = this.#deployed.get(version)
    const fresh = deployedFunction(this.#context, record, version)
    if (known?.revisionId === fresh.revisionId) return known
    this.#deployed.set(version, fresh)
    this.#versions.set(fresh, version)
    return fresh
  }

  /** Its package is unpacked (undefined), or will be. */
  prepare(deployed: DeployedFunction): Promise<void> | undefined {
    const version = this.#versions.get(deployed)
    if (version === undefined || this.#ready.has(deployed)) return undefined
    const { packages, images } = this.#context
    const { code, configuration } = version
    const layers = configuration.layers.map(({ sha256 }) => sha256)
    const sha256 = code.kind === 'zip' ? code.sha256 : undefined
    if (packages.ready(sha256, layers) && (code.kind === 'zip' || images.ready(code.digest!))) {
      this.#ready.add(deployed)
      return undefined
    }
    return Promise.all([
      packages.prepare(sha256, layers),
      code.kind === 'image' ? images.prepare(code) : undefined,
    ]).then(() => {
      this.#ready.add(deployed)
    })
  }

  #remember(key: string, nameOrArn: string, qualifier: string | undefined): Target {
    const target = this.#find(nameOrArn, qualifier)
    if (this.#targets.size >= MAX_REMEMBERED) this.#targets.clear()
    this.#targets.set(key, target)
    return target
  }

  #find(nameOrArn: string, given: string | undefined): Target {
    const { settings, records } = this.#context
    const { name, qualifier } = functionReference(nameOrArn, given, settings)
    const record = records.functions.get(name)
    if (record === undefined) throw functionNotFound(settings, name, qualifier ?? LATEST)
    const invokedArn = functionArn(settings, name, qualifier)
    const alias = own(record.aliases, qualifier)
    const resolved = (version: string): ResolvedFunction => ({
      function: this.deployed(record, this.#active(record, version, qualifier)),
      invokedArn,
    })
    if (alias === undefined) return { main: resolved(qualifier ?? LATEST), other: undefined }
    const main = resolved(alias.version)
    for (const [version, weight] of Object.entries(alias.weights))
      return { main, other: { resolved: resolved(version), weight } }
    return { main, other: undefined }
  }

  #active(record: FunctionRecord, version: string, qualifier: string | undefined): VersionRecord {
    const { settings, records } = this.#context
    const found = records.version(record, version)
    if (found === undefined) throw functionNotFound(settings, record.name, qualifier)
    if (found.state !== 'Active') throw notActive(found)
    return found
  }
}
