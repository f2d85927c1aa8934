import type { Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'

/** A cluster, as an upstream in the making. */
export class ImportedCluster {
  readonly name: string
  readonly id: string
  readonly path: string
  /** Of the upstream; `timeout` is set when all routes are known. */
  readonly fields: Fields
  readonly notes: string[] = []
  /** Host names of its nodes, without doubles. */
  readonly hosts: readonly string[]
  readonly nodeCount: number
  /** Seconds; undefined leaves the default. */
  readonly connectTimeout: number | undefined
  readonly http2: boolean
  /** Whether a route may say what picks the node. */
  readonly hashes: boolean
  /** Percent. */
  readonly hashBalanceFactor: number | undefined
  /** For the retries of its routes. */
  readonly retryBudget: Fields | undefined
  /** By what kinds of listeners it is used. */
  usedByHttp = false
  usedByTcp = false
  /** Of the upstream that streams go to. */
  streamId: string | undefined
  readonly #claims = new Map<string, { readonly text: string; readonly path: string }>()

  constructor(parts: {
    readonly name: string
    readonly id: string
    readonly path: string
    readonly fields: Fields
    readonly hosts: readonly string[]
    readonly nodeCount: number
    readonly connectTimeout: number | undefined
    readonly http2: boolean
    readonly hashes: boolean
    readonly hashBalanceFactor: number | undefined
    readonly retryBudget?: Fields | undefined
  }) {
    this.name = parts.name
    this.id = parts.id
    this.path = parts.path
    this.fields = parts.fields
    this.hosts = parts.hosts
    this.nodeCount = parts.nodeCount
    this.connectTimeout = parts.connectTimeout
    this.http2 = parts.http2
    this.hashes = parts.hashes
    this.hashBalanceFactor = parts.hashBalanceFactor
    this.retryBudget = parts.retryBudget
  }

  /** What Envoy says on a route and we on the upstream. Routes may disagree: the first counts, the others are told. */
  claim(fields: Fields, owner: Message, field: string): void {
    const text = JSON.stringify(fields)
    const topic = Object.keys(fields).join()
    const known = this.#claims.get(topic)
    if (known === undefined) {
      this.#claims.set(topic, { text, path: owner.pathOf(field) })
      Object.assign(this.fields, fields)
    } else if (known.text !== text) {
      owner.lose(field, `it holds for all routes to the upstream "${this.id}", and ${known.path} has set it`)
    }
  }
}
