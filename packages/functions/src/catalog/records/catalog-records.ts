import { conflict, ServiceError } from '../../model/service-error.ts'
import { StateUnavailable } from '../../state/state-error.ts'
import type { StateCondition, StateStore, StateWrite } from '../../state/state-store.ts'
import { LATEST } from '../names/arns.ts'
import type { FunctionRecord, VersionRecord } from './function-record.ts'
import type { LayerNumbers, LayerVersionRecord } from './layer-record.ts'
import type { MappingRecord } from './mapping-record.ts'
import { RecordTable } from './record-table.ts'

/** What becomes of a function. */
export interface FunctionChange<R> {
  /** undefined deletes it, with its versions. */
  readonly record: FunctionRecord | undefined
  /** Versions that are written, or deleted. */
  readonly versions?: Readonly<Record<string, VersionRecord | undefined>>
  readonly result: R
}

/** Another node changed the same record first, so often in a row. */
const MAX_ATTEMPTS = 20

/** All records of the catalog, and how they are changed: each change is conditional on what it was made from. */
export class CatalogRecords {
  readonly functions: RecordTable<FunctionRecord>
  /** By `NAME/NUMBER`. */
  readonly versions: RecordTable<VersionRecord>
  /** By `NAME/NUMBER`. */
  readonly layers: RecordTable<LayerVersionRecord>
  readonly layerNumbers: RecordTable<LayerNumbers>
  readonly mappings: RecordTable<MappingRecord>
  readonly #state: StateStore

  constructor(state: StateStore) {
    this.#state = state
    this.functions = new RecordTable(state, 'functions/')
    this.versions = new RecordTable(state, 'versions/')
    this.layers = new RecordTable(state, 'layers/')
    this.layerNumbers = new RecordTable(state, 'layer-numbers/')
    this.mappings = new RecordTable(state, 'mappings/')
  }

  async open(): Promise<void> {
    // Versions before functions: who hears of a function finds its versions.
    for (const table of [this.versions, this.functions, this.layers, this.layerNumbers, this.mappings])
      await table.open()
    try {
      await this.#removeOrphans()
    } catch (error) {
      // A store that is away now is read from a copy; orphans do no harm until a start with the store itself.
      if (!(error instanceof ServiceError) || error.status !== 503) throw error
    }
  }

  close(): void {
    for (const table of [this.versions, this.functions, this.layers, this.layerNumbers, this.mappings]) table.close()
  }

  /** Rejects where the store cannot be reached: what is in memory may be old. */
  async reach(): Promise<void> {
    await this.#commit([], [])
  }

  /** A published version, or `$LATEST`; undefined when there is none. */
  version(record: FunctionRecord, version: string): VersionRecord | undefined {
    if (version === LATEST) return record.latest
    const found = this.versions.get(`${record.name}/${version}`)
    return found?.incarnation === record.incarnation ? found : undefined
  }

  /** Published ones, oldest first. */
  publishedVersions(record: FunctionRecord): VersionRecord[] {
    const found: VersionRecord[] = []
    for (let number = 1; number < record.nextVersion; number++) {
      const version = this.version(record, String(number))
      if (version !== undefined) found.push(version)
    }
    return found
  }

  /**
   * Changes a function, once more when somebody else was faster. Durable when it resolves.
   * @param work throws what forbids the change
   */
  async changeFunction<R>(name: string, work: (current: FunctionRecord | undefined) => FunctionChange<R>): Promise<R> {
    const { functions } = this
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const entry = functions.entry(name)
      const change = work(entry?.value)
      const writes = this.#writesOf(name, change)
      const published = change.record === undefined && entry !== undefined ? this.publishedVersions(entry.value) : []
      const condition = { key: functions.key(name), revision: entry?.revision ?? 0 }
      if (await this.#commit(writes, [condition])) {
        // The function went first: what is left of its versions after a crash is nobody's, and removed at the next start.
        await this.#removeVersions(published.map(({ version }) => `${name}/${version}`))
        return change.result
      }
      await functions.refresh(name)
    }
    throw conflict('The function is being changed by others all the time. Please try again.')
  }

  /** Changes one record of a table in the same way. `writes` go with it. */
  async change<T, R>(
    table: RecordTable<T>,
    id: string,
    work: (current: T | undefined) => {
      readonly value: T | undefined
      readonly writes?: readonly StateWrite[]
      readonly result: R
    },
  ): Promise<R> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const entry = table.entry(id)
      const { value, writes = [], result } = work(entry?.value)
      const key = table.key(id)
      const all = [{ key, value: value === undefined ? undefined : JSON.stringify(value) }, ...writes]
      if (await this.#commit(all, [{ key, revision: entry?.revision ?? 0 }])) return result
      await table.refresh(id)
    }
    throw conflict('The resource is being changed by others all the time. Please try again.')
  }

  #writesOf(name: string, change: FunctionChange<unknown>): StateWrite[] {
    const writes: StateWrite[] = []
    for (const [version, record] of Object.entries(change.versions ?? {}))
      writes.push({
        key: this.versions.key(`${name}/${version}`),
        value: record === undefined ? undefined : JSON.stringify(record),
      })
    const value = change.record === undefined ? undefined : JSON.stringify(change.record)
    writes.push({ key: this.functions.key(name), value })
    return writes
  }

  async #removeOrphans(): Promise<void> {
    const orphans = [...this.versions.ids()].filter((id) => {
      const owner = this.functions.get(id.slice(0, id.lastIndexOf('/')))
      return owner?.incarnation !== this.versions.get(id)!.incarnation
    })
    await this.#removeVersions(orphans)
  }

  /** As they are now: a function of the same name may come meanwhile. */
  async #removeVersions(ids: readonly string[]): Promise<void> {
    const removals = ids.map((id) => ({ key: this.versions.key(id), revision: this.versions.entry(id)?.revision ?? 0 }))
    for (const { key, revision } of removals)
      if (revision > 0) await this.#commit([{ key, value: undefined }], [{ key, revision }])
  }

  async #commit(writes: readonly StateWrite[], conditions: readonly StateCondition[]): Promise<boolean> {
    try {
      return await this.#state.commit(writes, conditions)
    } catch (error) {
      if (error instanceof StateUnavailable) throw new ServiceError('ServiceException', 503, error.message)
      throw new ServiceError('ServiceException', 500, `Nothing was changed: ${(error as Error).message}`)
    }
  }
}
