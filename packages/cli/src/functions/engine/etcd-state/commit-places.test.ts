import type { EtcdClient } from '@sekisho/gateway/internal/store/etcd/client/etcd-client'
import { EtcdError } from '@sekisho/gateway/internal/store/etcd/client/etcd-error'
import type { KeyValue, RangeRequest, TransactionRequest } from '@sekisho/gateway/internal/store/etcd/messages/messages'
import { expect, it } from 'vitest'
import { CommitPlaces } from './commit-places.ts'
import { StateLayout } from './state-layout.ts'

const SEED = Number(process.env['SEKISHO_SEED'] ?? Date.now() % 1_000_000)

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const header = (revision: number) => ({ clusterId: 1n, revision, raftTerm: 1 })
const lost = () => new EtcdError('unreachable', 'lost')

/** An etcd behind a network that loses requests, loses answers, and delivers some requests when nobody waits for them any more. */
class LossyEtcd {
  readonly #random: () => number
  readonly #keys = new Map<string, KeyValue>()
  #revision = 1
  readonly #late: TransactionRequest[] = []
  /** How often each key was written. */
  readonly writes = new Map<string, number>()

  constructor(random: () => number) {
    this.#random = random
  }

  async transaction(request: TransactionRequest) {
    await new Promise((resolve) => setImmediate(resolve))
    const dice = this.#random()
    if (dice < 0.15) throw lost()
    if (dice < 0.3) {
      this.#late.push(request)
      throw lost()
    }
    if (this.#late.length > 0 && this.#random() < 0.5) this.#apply(this.#late.shift()!)
    const succeeded = this.#apply(request)
    if (dice < 0.5) throw lost()
    return { header: header(this.#revision), succeeded, ranges: [] }
  }

  /** What is still on its way. */
  deliver(): void {
    for (const request of this.#late.splice(0)) this.#apply(request)
  }

  async range({ key }: RangeRequest) {
    await new Promise((resolve) => setImmediate(resolve))
    const kv = this.#keys.get(key)
    return { header: header(this.#revision), kvs: kv === undefined ? [] : [kv], more: false }
  }

  #apply({ compare = [], operations }: TransactionRequest): boolean {
    for (const one of compare) {
      if (!('modRevision' in one)) throw new Error('not used here')
      if ((this.#keys.get(one.key)?.modRevision ?? 0) !== one.modRevision) return false
    }
    const modRevision = ++this.#revision
    for (const operation of operations) {
      if (!('put' in operation)) throw new Error('not used here')
      const { key, value } = operation.put
      this.#keys.set(key, { key, value, createRevision: 0, modRevision, lease: 0n })
      this.writes.set(key, (this.writes.get(key) ?? 0) + 1)
    }
    return true
  }
}

it(`carries each commit out once, whatever is lost on the way (seed ${SEED})`, async () => {
  const etcd = new LossyEtcd(randomOf(SEED))
  const places = new CommitPlaces(etcd as unknown as EtcdClient, new StateLayout('/f'), 'node')
  const names = Array.from({ length: 120 }, (_, at) => `key-${at}`)
  // Two want each key, and one of them may have it.
  const outcomes = await Promise.all(
    [...names, ...names].map((key) =>
      places.commit(
        [{ put: { key, value: Buffer.from(key) } }],
        [{ key, is: 'equal', modRevision: 0 }],
        performance.now() + 15_000,
      ),
    ),
  )
  for (const [at, key] of names.entries()) {
    const won = [outcomes[at], outcomes[at + names.length]].filter((revision) => revision !== undefined)
    expect([key, won.length, etcd.writes.get(key)]).toEqual([key, 1, 1])
  }
  const free = Array.from({ length: 80 }, (_, at) => `free-${at}`)
  await Promise.all(
    free.map((key) => places.commit([{ put: { key, value: Buffer.from(key) } }], [], performance.now() + 15_000)),
  )
  for (const key of free) expect([key, etcd.writes.get(key)]).toEqual([key, 1])
  // What was still on its way when all had their answers changes nothing.
  const before = new Map(etcd.writes)
  etcd.deliver()
  for (const key of [...names, ...free]) expect(etcd.writes.get(key)).toBe(before.get(key))
})

it('rejects when its time is over, and says whether anything may have been written', async () => {
  const silent = {
    transaction: () => Promise.reject(lost()),
    range: () => Promise.resolve({ header: header(1), kvs: [], more: false }),
  }
  const places = new CommitPlaces(silent as unknown as EtcdClient, new StateLayout('/f'), 'node')
  const put = [{ put: { key: 'a', value: Buffer.from('') } }]
  await expect(places.commit(put, [], performance.now() + 200)).rejects.toThrow(/not known whether/)
  await expect(places.commit(put, [], performance.now() - 1)).rejects.toThrow(/nothing was written/)
})
