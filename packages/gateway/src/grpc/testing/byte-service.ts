import {
  Client,
  credentials,
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js'

const bytes = (value: Buffer): Buffer => value

const method = (name: string, stream: boolean) => ({
  path: `/test.Bytes/${name}`,
  requestStream: stream,
  responseStream: stream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
})

type Unary = (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => void
type Duplex = (call: ServerDuplexStream<Buffer, Buffer>) => void

export interface ByteService {
  readonly address: string
  /** Unary calls so far. */
  readonly calls: ServerUnaryCall<Buffer, Buffer>[]
  stop(): void
}

/** A gRPC service whose messages are bytes: `Call` answers what it gets, and so does `Talk`, message by message, unless told otherwise. */
export async function startByteService(
  unary: Unary = (call, callback) => callback(null, call.request),
  duplex: Duplex = (call) => {
    call.on('data', (message: Buffer) => call.write(message))
    call.on('end', () => call.end())
    call.on('error', () => undefined)
  },
): Promise<ByteService> {
  const server = new Server({ 'grpc.max_receive_message_length': -1 })
  const calls: ServerUnaryCall<Buffer, Buffer>[] = []
  server.addService(
    { Call: method('Call', false), Talk: method('Talk', true) },
    {
      Call: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
        calls.push(call)
        unary(call, callback)
      },
      Talk: duplex,
    },
  )
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return { address: `127.0.0.1:${port}`, calls, stop: () => server.forceShutdown() }
}

/** What a call came to, as grpc-js tells it. */
export interface Outcome {
  readonly code: number
  readonly details: string
  readonly message: Buffer | undefined
}

export class ByteClient {
  readonly client: Client

  constructor(port: number) {
    // A connection of its own: grpc-js has one for all channels to an address otherwise.
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  }

  call(
    message: Uint8Array | string = '',
    {
      path = '/test.Bytes/Call',
      metadata = {},
      timeoutMs,
    }: { path?: string; metadata?: object; timeoutMs?: number } = {},
  ): Promise<Outcome> {
    const fields = new Metadata()
    for (const [name, value] of Object.entries(metadata)) fields.set(name, value as string)
    const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
    return new Promise((resolve) => {
      const answered = (error: ServiceError | null, reply?: Buffer): void =>
        resolve({ code: error?.code ?? 0, details: error?.details ?? '', message: reply })
      this.client.makeUnaryRequest(path, bytes, bytes, Buffer.from(message), fields, options, answered)
    })
  }

  talk() {
    return this.client.makeBidiStreamRequest('/test.Bytes/Talk', bytes, bytes, new Metadata())
  }

  close(): void {
    this.client.close()
  }
}
