/**
 * The few messages of etcd v3 that are used here, as its `rpc.proto` and `kv.proto` (etcd 3.4 and later) number them. 64-bit numbers are
 * `number` where they count revisions (2^53 of them take 285 years at a million a second), `bigint` where they are identities.
 */

export interface KeyValue {
  readonly key: string
  readonly value: Uint8Array
  readonly createRevision: number
  readonly modRevision: number
  /** 0n: none. */
  readonly lease: bigint
}

export interface ResponseHeader {
  readonly clusterId: bigint
  /** Of the whole store, when the request was answered. */
  readonly revision: number
  readonly raftTerm: number
}

export interface RangeRequest {
  readonly key: string
  /** Exclusive; left out: the one key. */
  readonly rangeEnd?: string
  readonly limit?: number
  /** Left out: the newest. */
  readonly revision?: number
  /** The member answers by itself, with what it knows: maybe not the newest. */
  readonly serializable?: boolean
  readonly keysOnly?: boolean
}

export interface RangeResponse {
  readonly header: ResponseHeader
  readonly kvs: readonly KeyValue[]
  readonly more: boolean
}

export interface PutRequest {
  readonly key: string
  readonly value: Uint8Array
  readonly lease?: bigint
}

export interface DeleteRequest {
  readonly key: string
  readonly rangeEnd?: string
}

/** One operation of a transaction. A transaction in a transaction belongs to the same revision. */
export type Operation =
  | { readonly range: RangeRequest }
  | { readonly put: PutRequest }
  | { readonly delete: DeleteRequest }
  | { readonly transaction: TransactionRequest }

/** Holds when all keys of the range (or the one key; a missing one has revisions of 0) compare so. */
export type Compare = {
  readonly key: string
  readonly rangeEnd?: string
  readonly is: 'equal' | 'less'
} & ({ readonly createRevision: number } | { readonly modRevision: number } | { readonly value: Uint8Array })

export interface TransactionRequest {
  readonly compare?: readonly Compare[]
  readonly operations: readonly Operation[]
}

export interface TransactionResponse {
  readonly header: ResponseHeader
  /** Whether all comparisons held; nothing was done otherwise. */
  readonly succeeded: boolean
  /** Of the operations that were a range, in order; undefined for others. */
  readonly ranges: readonly (RangeResponse | undefined)[]
}

export interface WatchCreateRequest {
  readonly key: string
  readonly rangeEnd: string
  /** The first revision to be told of. */
  readonly startRevision: number
}

export interface WatchEvent {
  readonly deleted: boolean
  /** Of a deletion: the key, and the revision that deleted it. */
  readonly kv: KeyValue
}

export interface WatchResponse {
  readonly header: ResponseHeader
  /** Negative: it is about no watch, but about the stream. */
  readonly watchId: number
  readonly created: boolean
  readonly canceled: boolean
  /** More than 0: the watch asked for what was compacted away before this revision. */
  readonly compactRevision: number
  readonly cancelReason: string
  /** More events of the same revision follow in the next response. */
  readonly fragment: boolean
  readonly events: readonly WatchEvent[]
}
