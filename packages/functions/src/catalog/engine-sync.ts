import type { DeployedFunction } from '../model/deployed-function.ts'
import type { CatalogContext, CatalogEngine } from './catalog-context.ts'
import { deploymentId } from './deployed.ts'
import { LATEST } from './names/arns.ts'
import type { FunctionRecord } from './records/function-record.ts'
import { own } from './records/own.ts'
import type { Resolver } from './resolver.ts'

/** What holds of a version now: an id of its deployment, or undefined when it is gone. */
export type VersionListener = (functionName: string, version: string, revisionId: string | undefined) => void

interface Provision {
  readonly target: DeployedFunction
  readonly concurrency: number
}

/** Tells the engine, and whoever listens, what changed, whichever node changed it. */
export class EngineSync {
  readonly #context: CatalogContext
  readonly #resolver: Resolver
  readonly #listeners = new Set<VersionListener>()
  /** By `NAME/VERSION`. */
  readonly #provisions = new Map<string, Provision>()
  #engine: CatalogEngine | undefined

  constructor(context: CatalogContext, resolver: Resolver) {
    this.#context = context
    this.#resolver = resolver
    const { records } = context
    records.functions.onChange((name, now, before) => this.#functionChanged(name, now, before))
    records.versions.onChange((id, now) => {
      const slash = id.lastIndexOf('/')
      if (now === undefined) this.#changed(id.slice(0, slash), id.slice(slash + 1), undefined)
    })
  }

  get engine(): CatalogEngine | undefined {
    return this.#engine
  }

  /** It hears of all that holds, and from now on of all that changes. */
  attach(engine: CatalogEngine): void {
    this.#engine = engine
    for (const record of this.#context.records.functions.values()) {
      if (record.reservedConcurrency !== undefined) engine.reserve(record.name, record.reservedConcurrency)
      this.#provision(record.name, record)
    }
  }

  onChange(listener: VersionListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #functionChanged(name: string, now: FunctionRecord | undefined, before: FunctionRecord | undefined): void {
    if (now?.reservedConcurrency !== before?.reservedConcurrency) this.#engine?.reserve(name, now?.reservedConcurrency)
    this.#provision(name, now)
    if (now === undefined) return this.#changed(name, LATEST, undefined)
    const versions = [now.latest, ...this.#context.records.publishedVersions(now)]
    for (const version of versions) {
      const id = deploymentId(this.#context, now, version)
      const known = before === undefined ? undefined : this.#idBefore(before, version.version)
      if (known !== id) this.#changed(name, version.version, id)
    }
  }

  /** Versions that are published do not change; the tags of their function may. */
  #idBefore(before: FunctionRecord, version: string): string | undefined {
    const record = version === LATEST ? before.latest : this.#context.records.version(before, version)
    return record === undefined || Number(version) >= before.nextVersion
      ? undefined
      : deploymentId(this.#context, before, record)
  }

  #changed(name: string, version: string, revisionId: string | undefined): void {
    this.#engine?.retire(name, version, revisionId)
    for (const listener of this.#listeners) listener(name, version, revisionId)
  }

  #provision(name: string, record: FunctionRecord | undefined): void {
    if (this.#engine === undefined) return
    const wanted = record === undefined ? new Map<string, Provision>() : this.#provisionsOf(record)
    for (const [key, { target }] of this.#provisions)
      if (target.name === name && !wanted.has(key)) {
        this.#provisions.delete(key)
        this.#engine.provision(target, undefined)
      }
    for (const [key, provision] of wanted) {
      const known = this.#provisions.get(key)
      if (known?.concurrency === provision.concurrency && known.target.revisionId === provision.target.revisionId)
        continue
      this.#provisions.set(key, provision)
      this.#start(key, provision)
    }
  }

  /** An alias stands for its main version. */
  #provisionsOf(record: FunctionRecord): Map<string, Provision> {
    const provisions = new Map<string, Provision>()
    for (const [qualifier, { requested }] of Object.entries(record.provisioned)) {
      const number = own(record.aliases, qualifier)?.version ?? qualifier
      const version = this.#context.records.version(record, number)
      if (version?.state !== 'Active') continue
      const key = `${record.name}/${number}`
      const concurrency = requested + (provisions.get(key)?.concurrency ?? 0)
      provisions.set(key, { target: this.#resolver.deployed(record, version), concurrency })
    }
    return provisions
  }

  /** As soon as its package is unpacked, unless something else is wanted by then. */
  #start(key: string, provision: Provision): void {
    const { target, concurrency } = provision
    const start = () => {
      if (this.#provisions.get(key) === provision) this.#engine?.provision(target, concurrency)
    }
    const preparing = this.#resolver.prepare(target)
    if (preparing === undefined) start()
    // Without its package no environment starts: the engine is the one to say so.
    else preparing.then(start, start)
  }
}
