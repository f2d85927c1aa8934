import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { EtcdClient } from '@sekisho/gateway/internal/store/etcd/client/etcd-client'
import { isEtcdFailure } from '@sekisho/gateway/internal/store/etcd/client/etcd-error'
import type { Compare, KeyValue, Operation } from '@sekisho/gateway/internal/store/etcd/messages/messages'
import { StateUnavailable } from '@sekisho/functions/internal/state/state-error'
import type { StateLayout } from './state-layout.ts'

/** Commits that are under way at a time: 16 with 2 ms for the disk are 8,000 a second. */
const PLACES = 16
/** Commits that wait for a place. */
export const MAX_WAITING_COMMITS = 10_000
const PAUSE_MS = 50

const BUSY = 'etcd did not answer in time: nothing was written'
const LOST =
  'etcd did not answer in time, and it is not known whether the change was written: read before you write again'

interface Place {
  readonly mark: string
  /** Of the last change of the mark; undefined: to be read. */
  revision: number | undefined
}

/**
 * Carries out each transaction once, even when an answer is lost. A transaction leaves a mark of its own in a place that nobody else uses
 * meanwhile, on the condition that the mark of before is still there: so it takes effect once however often it is sent, and the mark tells
 * whether it did.
 */
export class CommitPlaces {
  readonly #client: EtcdClient
  readonly #free: Place[]
  #waiting: ((place: Place) => void)[] = []

  /** @param node the same after a restart, so that no marks are left behind */
  constructor(client: EtcdClient, layout: StateLayout, node: string) {
    this.#client = client
    this.#free = Array.from({ length: PLACES }, (_, at) => ({ mark: layout.markOf(node, at), revision: undefined }))
  }

  /**
   * @param deadline performance.now() of its end
   * @returns the revision; undefined: a condition did not hold. Rejects with an EtcdError or StateUnavailable
   */
  async commit(
    operations: readonly Operation[],
    conditions: readonly Compare[],
    deadline: number,
  ): Promise<number | undefined> {
    const place = await this.#take()
    try {
      if (performance.now() > deadline) throw new StateUnavailable(BUSY)
      return await this.#commit(place, operations, conditions, deadline)
    } catch (error) {
      // What was sent may still come: the mark is read before the place is used again.
      place.revision = undefined
      throw error
    } finally {
      this.#release(place)
    }
  }

  async #commit(
    place: Place,
    operations: readonly Operation[],
    conditions: readonly Compare[],
    deadline: number,
  ): Promise<number | undefined> {
    const name = randomUUID()
    let sent = false
    for (;;) {
      place.revision ??= (await this.#read(place))?.modRevision ?? 0
      const revision = await this.#try(place, name, operations, conditions)
      if (revision !== undefined && revision !== 'lost') return (place.revision = revision)
      sent ||= revision === 'lost'
      const mark = await this.#readAfter(place, sent)
      if (mark !== undefined && textOf(mark) === name) return (place.revision = mark.modRevision)
      const moved = (mark?.modRevision ?? 0) !== place.revision
      if (revision === undefined && !moved) {
        if (!sent) return undefined
        // An earlier attempt may still be on its way: no longer when the mark has another change.
        const fenced = await this.#try(place, `${name} given up`, [], [])
        if (typeof fenced === 'number') {
          place.revision = fenced
          return undefined
        }
      }
      if (moved) place.revision = mark?.modRevision ?? 0
      if (performance.now() + PAUSE_MS > deadline) throw new StateUnavailable(sent ? LOST : BUSY)
      await pause(PAUSE_MS * (0.5 + Math.random()))
    }
  }

  /** @returns its revision; undefined: a condition did not hold, or the mark was another one; `lost`: nobody knows */
  async #try(
    { mark, revision }: Place,
    name: string,
    operations: readonly Operation[],
    conditions: readonly Compare[],
  ): Promise<number | undefined | 'lost'> {
    const unchanged: Compare = { key: mark, is: 'equal', modRevision: revision! }
    const request = {
      compare: [...conditions, unchanged],
      operations: [...operations, { put: { key: mark, value: Buffer.from(name) } }],
    }
    try {
      const { succeeded, header } = await this.#client.transaction(request, { again: false })
      return succeeded ? header.revision : undefined
    } catch (error) {
      if (isEtcdFailure(error, 'unreachable')) return 'lost'
      throw error
    }
  }

  async #read({ mark }: Place): Promise<KeyValue | undefined> {
    return (await this.#client.range({ key: mark })).kvs[0]
  }

  async #readAfter(place: Place, sent: boolean): Promise<KeyValue | undefined> {
    try {
      return await this.#read(place)
    } catch (error) {
      if (sent && isEtcdFailure(error, 'unreachable'))
        throw new StateUnavailable(`${LOST} (${(error as Error).message})`, { cause: error })
      throw error
    }
  }

  #take(): Promise<Place> {
    const place = this.#free.pop()
    if (place !== undefined) return Promise.resolve(place)
    if (this.#waiting.length >= MAX_WAITING_COMMITS)
      throw new StateUnavailable(`${MAX_WAITING_COMMITS} commits are waiting for etcd: try again`)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #release(place: Place): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(place)
    else next(place)
  }
}

const textOf = ({ value }: KeyValue): string => Buffer.from(value).toString()
