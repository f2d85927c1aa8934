import {
  type ChannelCredentials,
  Client,
  type ClientOptions,
  type ClientDuplexStream,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import type { CallOptions, InteropClient, OpenCall, Reply } from './client.ts'
import { CallError, codecOf, type InteropMessage, methodOf, type MethodName, pathOf } from './types.ts'

/** grpc-js's WriteFlags.NoCompress. */
const NO_COMPRESS = 2

export class GrpcJsClient implements InteropClient {
  readonly fullDuplex = true
  readonly choosesCompression = true
  private readonly client: Client

  /** @param target an address, as `127.0.0.1:8080` */
  constructor(target: string, credentials: ChannelCredentials, options: ClientOptions = {}) {
    this.client = new Client(target, credentials, { 'grpc.max_receive_message_length': 16 * 1024 * 1024, ...options })
  }

  unary(method: MethodName, request: InteropMessage, options: CallOptions = {}): Promise<Reply> {
    const { service = 'grpc.testing.TestService' } = options
    const { requestSerialize, responseDeserialize } = codecOf(methodOf(service, method))
    return new Promise((resolve, reject) => {
      let initial = new Metadata()
      let trailing = new Metadata()
      let message: InteropMessage = {}
      const call = this.client.makeUnaryRequest(
        pathOf(service, method),
        requestSerialize,
        responseDeserialize,
        request,
        metadataOf(options),
        deadlineOf(options),
        (error, value) => {
          if (error !== null) reject(callError(error))
          else message = value as InteropMessage
        },
      )
      call.on('metadata', (metadata) => (initial = metadata))
      call.on('status', ({ metadata }) => {
        trailing = metadata
        resolve({ message, initial: (name) => text(initial, name), trailing: (name) => bytes(trailing, name) })
      })
    })
  }

  open(method: MethodName, options: CallOptions = {}): OpenCall {
    const { service = 'grpc.testing.TestService' } = options
    const { requestSerialize, responseDeserialize } = codecOf(methodOf(service, method))
    return new GrpcJsCall(
      this.client.makeBidiStreamRequest(
        pathOf(service, method),
        requestSerialize,
        responseDeserialize,
        metadataOf(options),
        deadlineOf(options),
      ),
    )
  }

  close(): void {
    this.client.close()
  }
}

class GrpcJsCall implements OpenCall {
  private readonly call: ClientDuplexStream<InteropMessage, InteropMessage>
  private readonly replies: AsyncIterator<InteropMessage>
  private head = new Metadata()
  private tail = new Metadata()

  constructor(call: ClientDuplexStream<InteropMessage, InteropMessage>) {
    this.call = call
    call.on('metadata', (metadata: Metadata) => (this.head = metadata))
    call.on('status', ({ metadata }: { metadata: Metadata }) => (this.tail = metadata))
    // The iterator tells of it, too, but only those who ask it.
    call.on('error', () => undefined)
    this.replies = call[Symbol.asyncIterator]()
  }

  send(message: InteropMessage, compress = true): void {
    // grpc-js takes its flags in place of an encoding, which the types of streams do not know.
    ;(this.call.write as (message: InteropMessage, flags: number) => void).call(
      this.call,
      message,
      compress ? 0 : NO_COMPRESS,
    )
  }

  end(): void {
    this.call.end()
  }

  async receive(): Promise<InteropMessage | undefined> {
    try {
      const { value, done } = await this.replies.next()
      return done === true ? undefined : value
    } catch (error) {
      throw callError(error as ServiceError)
    }
  }

  cancel(): void {
    this.call.cancel()
  }

  initial(name: string): string | undefined {
    return text(this.head, name)
  }

  trailing(name: string): Uint8Array | undefined {
    return bytes(this.tail, name)
  }
}

function metadataOf({ metadata = {} }: CallOptions): Metadata {
  const made = new Metadata()
  for (const [name, value] of Object.entries(metadata))
    made.set(name, typeof value === 'string' ? value : Buffer.from(value))
  return made
}

const deadlineOf = ({ timeoutMs }: CallOptions) => (timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs })
const text = (metadata: Metadata, name: string): string | undefined => metadata.get(name)[0] as string | undefined
const bytes = (metadata: Metadata, name: string): Uint8Array | undefined =>
  metadata.get(name)[0] as Uint8Array | undefined
const callError = ({ code, details }: ServiceError): CallError => new CallError(code, details)
