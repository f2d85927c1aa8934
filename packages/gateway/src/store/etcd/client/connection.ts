import type { CallOptions, ChannelCredentials, Client, ClientDuplexStream, Metadata } from '@grpc/grpc-js'
import { createSecureContext } from 'node:tls'
import { StoreError } from '../../backend/store-error.ts'
import type { Endpoint } from './endpoint.ts'
import { EtcdError, etcdError } from './etcd-error.ts'
import { type EtcdTls, KEEPALIVE_TIME_MS, KEEPALIVE_TIMEOUT_MS, MAX_RESPONSE_BYTES } from './options.ts'

/** The library, as `import('@grpc/grpc-js')` gives it. */
export type Grpc = typeof import('@grpc/grpc-js')

export type ByteStream = ClientDuplexStream<Uint8Array, Uint8Array>

interface Cancellable {
  cancel(): void
}

/**
 * One connection to one member. Used until it fails once: a new one is cheaper than finding out what is wrong with it, and the
 * library's waiting between attempts to connect would be added to ours.
 */
export class Connection {
  readonly address: string
  readonly #grpc: Grpc
  readonly #client: Client
  readonly #calls = new Set<Cancellable>()
  #closed = false
  /** How many answers came, whatever they say. */
  answers = 0

  constructor(grpc: Grpc, endpoint: Endpoint, tls: EtcdTls | undefined) {
    this.address = endpoint.address
    this.#grpc = grpc
    this.#client = new grpc.Client(endpoint.address, credentialsOf(grpc, endpoint, tls), {
      'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.max_receive_message_length': MAX_RESPONSE_BYTES,
      'grpc.max_send_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      ...(tls?.serverName !== undefined && { 'grpc.ssl_target_name_override': tls.serverName }),
    })
  }

  /** Rejects with an EtcdError. */
  unary(path: string, request: Uint8Array, token: string | undefined, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError(this.address))
      const options: CallOptions = { deadline: Date.now() + timeoutMs }
      const call = this.#client.makeUnaryRequest(
        path,
        asBuffer,
        asIs,
        request,
        this.#metadata(token),
        options,
        (error, response) => {
          this.#calls.delete(call)
          if (error === null || !NO_ANSWER.has(error.code)) this.answers++
          if (error === null && response !== undefined) resolve(response)
          else reject(etcdError(error, this.address))
        },
      )
      this.#calls.add(call)
    })
  }

  stream(path: string, token: string | undefined): ByteStream {
    if (this.#closed) throw closedError(this.address)
    const call = this.#client.makeBidiStreamRequest(path, asBuffer, asIs, this.#metadata(token))
    this.#calls.add(call)
    call.once('close', () => this.#calls.delete(call))
    return call
  }

  /** Calls in flight end with an error. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const call of this.#calls) call.cancel()
    this.#calls.clear()
    this.#client.close()
  }

  #metadata(token: string | undefined): Metadata {
    const metadata = new this.#grpc.Metadata()
    // A member that is cut off from the others refuses instead of serving what is old.
    metadata.set('hasleader', 'true')
    if (token !== undefined) metadata.set('token', token)
    return metadata
  }
}

/** CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE are what the library says when nobody else does. */
const NO_ANSWER: ReadonlySet<number> = new Set([1, 4, 14])
const closedError = (address: string): EtcdError => new EtcdError('unreachable', `etcd (${address}): connection closed`)
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const asIs = (bytes: Buffer): Uint8Array => bytes

/** Throws a StoreError where certificates or key cannot be read. */
export function checkTls(tls: EtcdTls | undefined): void {
  if (tls === undefined) return
  try {
    createSecureContext({ ca: tls.ca, cert: tls.cert, key: tls.key })
  } catch (cause) {
    throw new StoreError(`the tls setting of the store has PEM that cannot be used: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function credentialsOf(grpc: Grpc, endpoint: Endpoint, tls: EtcdTls | undefined): ChannelCredentials {
  if (!endpoint.tls) return grpc.credentials.createInsecure()
  const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text))
  return grpc.credentials.createSsl(pem(tls?.ca), pem(tls?.key), pem(tls?.cert))
}
