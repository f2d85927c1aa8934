import { randomUUID } from 'node:crypto'
import { MAX_COMMIT_WRITES } from '../state/check-commit.ts'
import type { StateRecord, StateStore, StateWrite } from '../state/state-store.ts'
import { eventKey, QUEUE_PREFIX } from './queued-event.ts'

export const OWNERS_PREFIX = 'queue-owners/'

const BEAT_MS = 10_000
/** An owner whose record has not changed for so long is dead. Measured here, so that clocks of nodes may differ. */
const LEASE_MS = 35_000
/** Of one commit while events are moved: each is written and removed, and may have 1 MiB. */
const MAX_MOVED_BYTES = 1024 * 1024

export interface QueueOwnersOptions {
  readonly state: StateStore
  /** This node. */
  readonly owner: string
  /** Events have become this node's. */
  readonly onMoved: (records: readonly StateRecord[]) => void
  readonly onProblem: (fields: object, message: string) => void
}

interface Seen {
  readonly revision: number
  /** Monotonic ms. */
  readonly since: number
}

/**
 * Nodes that share a state tell each other that they live, by a record that changes every `BEAT_MS`. The events of one that is dead are moved to one
 * that lives: whoever changes the dead one's record first has it, and each commit that moves events depends on that record, so that two cannot do
 * it, nor one beside an owner that is back.
 */
export class QueueOwners {
  readonly #options: QueueOwnersOptions
  readonly #seen = new Map<string, Seen>()
  #timer: NodeJS.Timeout | undefined
  #beats = 0
  #running: Promise<void> = Promise.resolve()
  #closed = false

  private constructor(options: QueueOwnersOptions) {
    this.#options = options
  }

  /** From now on this node is seen to live. */
  static async open(options: QueueOwnersOptions): Promise<QueueOwners> {
    const owners = new QueueOwners(options)
    await owners.#beat()
    owners.#timer = setInterval(() => {
      owners.#running = owners.#running.then(() => owners.#turn())
    }, BEAT_MS)
    return owners
  }

  /** It is not said that the node is gone: it may come back, and others wait for that as for a crash. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#running
  }

  /** Never rejects. */
  async #turn(): Promise<void> {
    try {
      await this.#beat()
      await this.#lookForDead()
    } catch (error) {
      // Others could not either, perhaps: as soon as the store is back they have all the time again.
      this.#seen.clear()
      this.#options.onProblem({ error }, 'this node could not tell others that it lives')
    }
  }

  async #beat(): Promise<void> {
    const { state, owner } = this.#options
    await state.commit([{ key: OWNERS_PREFIX + owner, value: JSON.stringify({ by: owner, beat: ++this.#beats }) }])
  }

  async #lookForDead(): Promise<void> {
    const now = performance.now()
    const there = await this.#options.state.list(OWNERS_PREFIX)
    const names = new Set(there.map(({ key }) => key))
    for (const key of this.#seen.keys()) if (!names.has(key)) this.#seen.delete(key)
    for (const record of there) {
      const seen = this.#seen.get(record.key)
      if (seen?.revision !== record.revision) this.#seen.set(record.key, { revision: record.revision, since: now })
      else if (now - seen.since >= LEASE_MS && record.key !== OWNERS_PREFIX + this.#options.owner)
        await this.#takeOver(record)
    }
  }

  async #takeOver(lease: StateRecord): Promise<void> {
    const { state, owner, onProblem, onMoved } = this.#options
    const dead = lease.key.slice(OWNERS_PREFIX.length)
    const events = await state.list(`${QUEUE_PREFIX}${dead}/`)
    let revision: number | undefined = lease.revision
    let moved = 0
    while (moved < events.length && !this.#closed) {
      const some = portion(events, moved)
      revision = await this.#move(lease.key, revision!, some)
      if (revision === undefined) return
      moved += some.length
      onMoved(some.map((record) => ({ ...record, key: eventKey(owner, requestIdOf(record.key)) })))
    }
    if (moved < events.length) return
    await state.commit([{ key: lease.key, value: undefined }], [{ key: lease.key, revision: revision! }])
    if (moved > 0) onProblem({ node: dead, events: moved }, 'the events of a node that is dead go on here')
  }

  /** @returns the new revision of the dead one's record; undefined: somebody else has it */
  async #move(lease: string, revision: number, events: readonly StateRecord[]): Promise<number | undefined> {
    const { state, owner } = this.#options
    const mark = JSON.stringify({ by: owner, move: randomUUID() })
    const writes: StateWrite[] = [{ key: lease, value: mark }]
    for (const { key, value } of events)
      writes.push({ key, value: undefined }, { key: eventKey(owner, requestIdOf(key)), value })
    let moved: number | undefined
    // Reading it afterwards might give the revision of an owner that is back.
    const unwatch = state.watch(lease, (key, record) => {
      if (key === lease && record?.value === mark) moved = record.revision
    })
    try {
      // No record has the revision -1: then this was the last portion.
      return (await state.commit(writes, [{ key: lease, revision }])) ? (moved ?? -1) : undefined
    } finally {
      unwatch()
    }
  }
}

const requestIdOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1)

/** What fits into one commit. */
function portion(events: readonly StateRecord[], from: number): readonly StateRecord[] {
  let end = from
  let bytes = 0
  while (end < events.length && end - from < Math.floor((MAX_COMMIT_WRITES - 1) / 2)) {
    bytes += events[end]!.value.length
    if (end > from && bytes > MAX_MOVED_BYTES) break
    end++
  }
  return events.slice(from, end)
}
