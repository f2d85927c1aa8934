import type { InteropMessage, MethodName, ServiceName } from './types.ts'

export interface CallOptions {
  readonly service?: ServiceName
  /** Metadata; names that end in `-bin` have bytes. */
  readonly metadata?: Readonly<Record<string, string | Uint8Array>>
  readonly timeoutMs?: number
}

export interface Reply {
  readonly message: InteropMessage
  /** Metadata before and behind the messages. */
  readonly initial: (name: string) => string | undefined
  readonly trailing: (name: string) => Uint8Array | undefined
}

/** A call whose messages come and go one by one. */
export interface OpenCall {
  send(message: InteropMessage, compress?: boolean): void
  /** No more messages leave. */
  end(): void
  /** The next message; undefined at the end. Rejects with a CallError when the call fails. */
  receive(): Promise<InteropMessage | undefined>
  cancel(): void
  initial(name: string): string | undefined
  trailing(name: string): Uint8Array | undefined
}

/** A client of the test service, whatever library it is. Failed calls reject with a CallError. */
export interface InteropClient {
  /** It can receive before it has sent all. */
  readonly fullDuplex: boolean
  /** It can leave single messages of a stream uncompressed. */
  readonly choosesCompression: boolean
  unary(method: MethodName, request: InteropMessage, options?: CallOptions): Promise<Reply>
  open(method: MethodName, options?: CallOptions): OpenCall
  close(): void
}
