import { ServiceError } from '../../model/service-error.ts'
import type { StateStore } from '../../state/state-store.ts'

/** Tools change several parts of one record at the same time: Terraform a role's policies, ten by default. */
const ATTEMPTS = 50

/** Records of one kind in the state, as JSON. A change that meets another change of the same record is made again, upon that. */
export class StateRecords<T> {
  private readonly state: StateStore
  private readonly prefix: string

  /** @param prefix `iam/roles/` */
  constructor(state: StateStore, prefix: string) {
    this.state = state
    this.prefix = prefix
  }

  async get(name: string): Promise<T | undefined> {
    const record = await this.state.get(this.prefix + name)
    return record === undefined ? undefined : (JSON.parse(record.value) as T)
  }

  async list(): Promise<T[]> {
    const records = await this.state.list(this.prefix)
    return records.map(({ value }) => JSON.parse(value) as T)
  }

  /** @returns false: there is one of that name */
  create(name: string, value: T): Promise<boolean> {
    const key = this.prefix + name
    return this.state.commit([{ key, value: JSON.stringify(value) }], [{ key, revision: 0 }])
  }

  /**
   * @param change makes the new value of the old one; undefined deletes. May throw, and may be called several times
   * @returns what was there before; undefined: there was nothing
   */
  async change(name: string, change: (value: T) => T | undefined): Promise<T | undefined> {
    const key = this.prefix + name
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const record = await this.state.get(key)
      if (record === undefined) return undefined
      const before = JSON.parse(record.value) as T
      const after = change(before)
      const value = after === undefined ? undefined : JSON.stringify(after)
      if (await this.state.commit([{ key, value }], [{ key, revision: record.revision }])) return before
    }
    throw new ServiceError('ConcurrentModification', 409, `${name} was changed by somebody else at the same time`)
  }
}
