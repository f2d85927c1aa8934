import type { DescMessage, DescMethodStreaming, DescMethodUnary } from '@bufbuild/protobuf'
import { ConnectError, decodeBinaryHeader, encodeBinaryHeader, type Transport } from '@connectrpc/connect'
import type { CallOptions, InteropClient, OpenCall, Reply } from './client.ts'
import { CallError, type InteropMessage, methodOf, type MethodName } from './types.ts'

type UnaryMethod = DescMethodUnary<DescMessage, DescMessage>
type Fields = Record<string, unknown>
type StreamingMethod = DescMethodStreaming<DescMessage, DescMessage>

export class ConnectClient implements InteropClient {
  readonly fullDuplex: boolean
  readonly choosesCompression = false
  private readonly transport: Transport
  private readonly closing: () => void

  constructor(transport: Transport, options: { readonly fullDuplex: boolean; readonly close?: () => void }) {
    this.transport = transport
    this.fullDuplex = options.fullDuplex
    this.closing = options.close ?? (() => undefined)
  }

  async unary(name: MethodName, request: InteropMessage, options: CallOptions = {}): Promise<Reply> {
    const method = methodOf(options.service ?? 'grpc.testing.TestService', name) as UnaryMethod
    try {
      const { message, header, trailer } = await this.transport.unary(
        method,
        undefined,
        options.timeoutMs,
        headerOf(options),
        request as Fields,
      )
      return {
        message: message as InteropMessage,
        initial: (field) => header.get(field) ?? undefined,
        trailing: (field) => bytes(trailer, field),
      }
    } catch (error) {
      throw callError(error)
    }
  }

  open(name: MethodName, options: CallOptions = {}): OpenCall {
    const method = methodOf(options.service ?? 'grpc.testing.TestService', name) as StreamingMethod
    return new ConnectCall(this.transport, method, options)
  }

  close(): void {
    this.closing()
  }
}

class ConnectCall implements OpenCall {
  private readonly requests = new Queue()
  private readonly abort = new AbortController()
  private readonly replies: AsyncIterator<InteropMessage>
  private header = new Headers()
  private trailer = new Headers()

  constructor(transport: Transport, method: StreamingMethod, options: CallOptions) {
    const started = transport.stream(
      method,
      this.abort.signal,
      options.timeoutMs,
      headerOf(options),
      this.requests as AsyncIterable<Fields>,
    )
    // Whoever waits for a message is told.
    started.catch(() => undefined)
    this.replies = this.read(started)
  }

  private async *read(started: ReturnType<Transport['stream']>): AsyncGenerator<InteropMessage> {
    const { header, trailer, message } = await started
    this.header = header
    this.trailer = trailer
    yield* message as AsyncIterable<InteropMessage>
  }

  send(message: InteropMessage): void {
    this.requests.push(message)
  }

  end(): void {
    this.requests.push(undefined)
  }

  async receive(): Promise<InteropMessage | undefined> {
    try {
      const { value, done } = await this.replies.next()
      return done === true ? undefined : value
    } catch (error) {
      throw callError(error)
    }
  }

  cancel(): void {
    this.abort.abort()
  }

  initial(name: string): string | undefined {
    return this.header.get(name) ?? undefined
  }

  trailing(name: string): Uint8Array | undefined {
    return bytes(this.trailer, name)
  }
}

/** What is pushed is iterated; undefined is the end. */
class Queue implements AsyncIterable<InteropMessage> {
  private readonly items: (InteropMessage | undefined)[] = []
  private wake = (): void => undefined

  push(item: InteropMessage | undefined): void {
    this.items.push(item)
    this.wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<InteropMessage> {
    for (;;) {
      while (this.items.length === 0) await new Promise<void>((resolve) => (this.wake = resolve))
      const item = this.items.shift()
      if (item === undefined) return
      yield item
    }
  }
}

function headerOf({ metadata = {} }: CallOptions): Headers {
  const header = new Headers()
  for (const [name, value] of Object.entries(metadata))
    header.set(name, typeof value === 'string' ? value : encodeBinaryHeader(value))
  return header
}

function bytes(fields: Headers, name: string): Uint8Array | undefined {
  const value = fields.get(name)
  return value === null ? undefined : decodeBinaryHeader(value)
}

function callError(error: unknown): CallError {
  const { code, rawMessage } = ConnectError.from(error)
  return new CallError(code, rawMessage)
}
