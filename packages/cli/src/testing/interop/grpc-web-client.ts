import { GrpcWebClientBase, type Metadata, MethodDescriptor, MethodType, type RpcError, type Status } from 'grpc-web'
import type { CallOptions, InteropClient, OpenCall, Reply } from './client.ts'
import { CallError, codecOf, type InteropMessage, methodOf, type MethodName, pathOf } from './types.ts'
import { XmlHttpRequest } from './xml-http-request.ts'

Object.assign(globalThis, { XMLHttpRequest: XmlHttpRequest })

/** The library of browsers: one request message a call, any number of replies. */
export class GrpcWebClient implements InteropClient {
  readonly fullDuplex = false
  readonly choosesCompression = false
  private readonly baseUrl: string
  private readonly base: GrpcWebClientBase

  constructor(baseUrl: string, format: 'text' | 'binary') {
    this.baseUrl = baseUrl
    this.base = new GrpcWebClientBase({ format })
  }

  unary(name: MethodName, request: InteropMessage, options: CallOptions = {}): Promise<Reply> {
    const service = options.service ?? 'grpc.testing.TestService'
    const url = this.baseUrl + pathOf(service, name)
    return new Promise((resolve, reject) => {
      let head: Metadata = {}
      let trailers: Metadata = {}
      const done = (error: RpcError | null, message: InteropMessage): void => {
        if (error !== null) reject(callError(error))
        // The status is told by an event behind this callback.
        else setImmediate(() => resolve(replyOf(message, head, trailers)))
      }
      const call = this.base.rpcCall(url, request, metadataOf(options), descriptorOf(options, name), done)
      call.on('metadata', (fields) => (head = fields))
      call.on('status', ({ metadata = {} }: Status) => (trailers = metadata))
    })
  }

  open(name: MethodName, options: CallOptions = {}): OpenCall {
    // With one request a conversation is a stream of replies.
    const method = name === 'FullDuplexCall' ? 'StreamingOutputCall' : name
    return new ReplyStream((request) =>
      this.base.serverStreaming(
        this.baseUrl + pathOf('grpc.testing.TestService', method),
        request,
        metadataOf(options),
        descriptorOf(options, method),
      ),
    )
  }

  close(): void {
    // Each call has a connection of its own.
  }
}

type Replies = ReturnType<GrpcWebClientBase['serverStreaming']>

class ReplyStream implements OpenCall {
  private readonly start: (request: InteropMessage) => Replies
  private call: Replies | undefined
  private readonly items: (InteropMessage | CallError | undefined)[] = []
  private wake = (): void => undefined
  private head: Metadata = {}
  private trailers: Metadata = {}

  constructor(start: (request: InteropMessage) => Replies) {
    this.start = start
  }

  send(message: InteropMessage): void {
    const call = this.start(message)
    this.call = call
    call.on('metadata', (fields) => (this.head = fields))
    call.on('data', (reply) => this.push(reply as InteropMessage))
    call.on('error', (error) => this.push(callError(error)))
    call.on('status', ({ metadata = {} }: Status) => (this.trailers = metadata))
    call.on('end', () => this.push(undefined))
  }

  end(): void {
    // The one message was all.
  }

  async receive(): Promise<InteropMessage | undefined> {
    while (this.items.length === 0) await new Promise<void>((resolve) => (this.wake = resolve))
    const item = this.items.shift()
    if (item instanceof CallError) throw item
    return item
  }

  cancel(): void {
    this.call?.cancel()
    this.push(new CallError(1, 'cancelled'))
  }

  initial(name: string): string | undefined {
    return this.head[name]
  }

  trailing(name: string): Uint8Array | undefined {
    return bytes(this.trailers, name)
  }

  private push(item: InteropMessage | CallError | undefined): void {
    this.items.push(item)
    this.wake()
  }
}

function descriptorOf(options: CallOptions, name: MethodName): MethodDescriptor<InteropMessage, InteropMessage> {
  const method = methodOf(options.service ?? 'grpc.testing.TestService', name)
  const { requestSerialize, responseDeserialize } = codecOf(method)
  // The constructors are asked for by its types, and used by nothing.
  const none = Object as unknown as new () => InteropMessage
  const kind = method.methodKind === 'unary' ? MethodType.UNARY : MethodType.SERVER_STREAMING
  return new MethodDescriptor(method.name, kind, none, none, requestSerialize, responseDeserialize)
}

function metadataOf({ metadata = {}, timeoutMs }: CallOptions): Metadata {
  const fields = Object.entries(metadata).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : Buffer.from(value).toString('base64'),
  ])
  return {
    ...(Object.fromEntries(fields) as Metadata),
    ...(timeoutMs === undefined ? {} : { deadline: String(Date.now() + timeoutMs) }),
  }
}

const replyOf = (message: InteropMessage, head: Metadata, trailers: Metadata): Reply => ({
  message,
  initial: (field) => head[field],
  trailing: (field) => bytes(trailers, field),
})

function bytes(fields: Metadata, name: string): Uint8Array | undefined {
  const value = fields[name]
  return value === undefined ? undefined : Buffer.from(value, 'base64')
}

const callError = ({ code, message }: RpcError): CallError => new CallError(code, message)
