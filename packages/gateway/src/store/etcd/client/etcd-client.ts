import { setTimeout as pause } from 'node:timers/promises'
import {
  decodeAuthenticate,
  decodeHeader,
  decodeLeaseGrant,
  decodeRange,
  decodeTransaction,
} from '../messages/decode.ts'
import {
  encodeAuthenticate,
  encodeCompaction,
  encodeLeaseGrant,
  encodeLeaseRevoke,
  encodeRange,
  encodeTransaction,
} from '../messages/encode.ts'
import type { RangeRequest, RangeResponse, TransactionRequest, TransactionResponse } from '../messages/messages.ts'
import { checkTls, Connection, type Grpc } from './connection.ts'
import { type Endpoint, parseEndpoints } from './endpoint.ts'
import { EtcdError, isEtcdFailure } from './etcd-error.ts'
import {
  ATTEMPT_TIMEOUT_MS,
  BULK_TIMEOUT_MS,
  DEFAULT_REQUEST_TIMEOUT_MS,
  type EtcdClientOptions,
  ROUND_PAUSE_MS,
} from './options.ts'

interface CallOptions {
  /** Carries megabytes: takes longer, and is not given up early for another endpoint. */
  readonly bulk?: boolean
  /** Whether a request that may have been carried out is sent again; default true. */
  readonly again?: boolean
}

/** etcd v3: the few calls that a store of documents needs, at whichever endpoint answers. */
export class EtcdClient {
  readonly #grpc: Grpc
  readonly #options: EtcdClientOptions
  readonly #endpoints: readonly Endpoint[]
  readonly #timeoutMs: number
  readonly #closing = new AbortController()
  /** Which endpoint is in use. */
  #at = 0
  #connection: Connection | undefined
  #token: Promise<string> | undefined

  constructor(grpc: Grpc, options: EtcdClientOptions) {
    this.#grpc = grpc
    this.#options = options
    checkTls(options.tls)
    this.#endpoints = parseEndpoints(options.endpoints, options.tls !== undefined)
    this.#timeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS
  }

  /** Linearizable: as new as anything that anybody was told. */
  async range(request: RangeRequest, options: CallOptions = {}): Promise<RangeResponse> {
    return decodeRange(await this.#call('KV/Range', encodeRange(request).finish(), options))
  }

  /**
   * Rejects with `unreachable` when it is not known whether it was carried out, unless `again`: then it is sent until an answer
   * comes, which is for transactions that write nothing, or the same whenever they run.
   */
  async transaction(request: TransactionRequest, options: CallOptions = {}): Promise<TransactionResponse> {
    return decodeTransaction(await this.#call('KV/Txn', encodeTransaction(request).finish(), options))
  }

  /** A lease that ends after so many seconds (etcd rounds up to about 2), and deletes what is attached to it. */
  async grantLease(seconds: number): Promise<bigint> {
    return decodeLeaseGrant(await this.#call('Lease/LeaseGrant', encodeLeaseGrant(seconds)))
  }

  async revokeLease(id: bigint): Promise<void> {
    await this.#call('Lease/LeaseRevoke', encodeLeaseRevoke(id))
  }

  /** Forgets what was before that revision. */
  async compact(revision: number): Promise<number> {
    return decodeHeader(await this.#call('KV/Compact', encodeCompaction(revision))).revision
  }

  /** A connection and token for a stream. Call `failed` with it when the stream ends. */
  async connect(): Promise<{ readonly connection: Connection; readonly token: string | undefined }> {
    const connection = this.#connect()
    try {
      return { connection, token: await this.#authenticate(connection, this.#timeoutMs) }
    } catch (error) {
      this.failed(connection)
      throw error
    }
  }

  /** The next call goes to the next endpoint, on a new connection; calls in flight on this one end. */
  failed(connection: Connection): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    this.#at = (this.#at + 1) % this.#endpoints.length
    connection.close()
  }

  /** The next call asks for a new token. */
  forgetToken(): void {
    this.#token = undefined
  }

  get endpointCount(): number {
    return this.#endpoints.length
  }

  close(): void {
    this.#closing.abort()
    this.#connection?.close()
    this.#connection = undefined
  }

  async #call(
    method: string,
    request: Uint8Array,
    { again = true, bulk = false }: CallOptions = {},
  ): Promise<Uint8Array> {
    const deadline = performance.now() + (bulk ? Math.max(this.#timeoutMs, BULK_TIMEOUT_MS) : this.#timeoutMs)
    let tokens = 0
    for (let attempt = 1; ; attempt++) {
      const left = Math.max(deadline - performance.now(), 1)
      const timeoutMs = this.#endpoints.length > 1 && !bulk ? Math.min(left, ATTEMPT_TIMEOUT_MS) : left
      const connection = this.#connect()
      try {
        const token = await this.#authenticate(connection, timeoutMs)
        return await connection.unary(`/etcdserverpb.${method}`, request, token, timeoutMs)
      } catch (error) {
        if (isEtcdFailure(error, 'token') && this.#options.user !== undefined && tokens++ === 0) {
          this.forgetToken()
          continue
        }
        if (!isEtcdFailure(error, 'unreachable')) throw error
        this.failed(connection)
        // With less time than that another attempt would end in nothing but "deadline exceeded", which says less.
        if (!again || performance.now() + 3 * ROUND_PAUSE_MS >= deadline || this.#closing.signal.aborted) throw error
      }
      if (attempt % this.#endpoints.length === 0) await this.#pause()
    }
  }

  #connect(): Connection {
    if (this.#closing.signal.aborted) throw new EtcdError('refused', 'etcd: the client is closed')
    this.#connection ??= new Connection(this.#grpc, this.#endpoints[this.#at] as Endpoint, this.#options.tls)
    return this.#connection
  }

  /** One token for all; who comes while it is asked for waits for it. */
  #authenticate(connection: Connection, timeoutMs: number): Promise<string | undefined> {
    const { user, password } = this.#options
    if (user === undefined) return Promise.resolve(undefined)
    if (this.#token === undefined) {
      const request = encodeAuthenticate(user, password ?? '')
      const asked = connection
        .unary('/etcdserverpb.Auth/Authenticate', request, undefined, timeoutMs)
        .then(decodeAuthenticate)
      asked.catch(() => {
        if (this.#token === asked) this.#token = undefined
      })
      this.#token = asked
    }
    return this.#token
  }

  async #pause(): Promise<void> {
    await pause(ROUND_PAUSE_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined)
  }
}
