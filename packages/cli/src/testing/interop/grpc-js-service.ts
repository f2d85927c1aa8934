import {
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { type CallContext, handlers } from './handlers.ts'
import {
  CallError,
  codecOf,
  INITIAL,
  type InteropMessage,
  pathOf,
  serviceOf,
  TRAILING,
  type MethodName,
} from './types.ts'

type Message = InteropMessage
type AnyCall =
  | ServerUnaryCall<Message, Message>
  | ServerReadableStream<Message, Message>
  | ServerWritableStream<Message, Message>
  | ServerDuplexStream<Message, Message>

/** grpc-js unpacks messages without a word, and packs none. */
const context: CallContext = { isCompressed: () => undefined, compress: (message) => message }

export interface InteropService {
  readonly port: number
  stop(): void
}

/** The test service on grpc-js. */
export async function startGrpcJsService(tls?: {
  readonly cert: string
  readonly key: string
}): Promise<InteropService> {
  const server = new Server({ 'grpc.max_receive_message_length': 16 * 1024 * 1024 })
  server.addService(definition(), implementation)
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }])
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)))
  })
  return { port, stop: () => server.forceShutdown() }
}

function definition(): ServiceDefinition {
  const methods = serviceOf('grpc.testing.TestService').methods.filter(({ name }) => name !== 'UnimplementedCall')
  return Object.fromEntries(
    methods.map((method) => [
      method.name,
      {
        path: pathOf('grpc.testing.TestService', method.name as MethodName),
        requestStream: method.methodKind.startsWith('client') || method.methodKind.startsWith('bidi'),
        responseStream: method.methodKind.startsWith('server') || method.methodKind.startsWith('bidi'),
        ...codecOf(method),
      },
    ]),
  )
}

function echo(call: AnyCall): Metadata {
  const initial = call.metadata.get(INITIAL)
  if (initial.length > 0) {
    const head = new Metadata()
    head.set(INITIAL, initial[0])
    call.sendMetadata(head)
  }
  const trailers = new Metadata()
  for (const value of call.metadata.get(TRAILING)) trailers.set(TRAILING, value)
  return trailers
}

const failure = (error: unknown, metadata: Metadata) =>
  error instanceof CallError
    ? { code: error.code, details: error.message, metadata }
    : { code: 2, details: String(error), metadata }

async function answer(call: AnyCall, reply: () => Message | Promise<Message>, callback: sendUnaryData<Message>) {
  const trailers = echo(call)
  try {
    callback(null, await reply(), trailers)
  } catch (error) {
    callback(failure(error, trailers))
  }
}

/** Iterating over the call itself would destroy it at the end of the requests. */
const requestsOf = (call: ServerReadableStream<Message, Message> | ServerDuplexStream<Message, Message>) =>
  call.iterator({ destroyOnReturn: false }) as AsyncIterable<Message>

async function pour(
  call: ServerWritableStream<Message, Message> | ServerDuplexStream<Message, Message>,
  messages: AsyncIterable<Message>,
) {
  const trailers = echo(call)
  try {
    for await (const message of messages) call.write(message)
    call.end(trailers)
  } catch (error) {
    // A call that its client gave up ends its requests with an error, which nobody is there to hear.
    if (!call.cancelled) call.emit('error', failure(error, trailers))
  }
}

const implementation: UntypedServiceImplementation = {
  EmptyCall: (call: ServerUnaryCall<Message, Message>, callback: sendUnaryData<Message>) =>
    void answer(call, handlers.empty, callback),
  UnaryCall: (call: ServerUnaryCall<Message, Message>, callback: sendUnaryData<Message>) =>
    void answer(call, () => handlers.unary(call.request, context), callback),
  CacheableUnaryCall: (call: ServerUnaryCall<Message, Message>, callback: sendUnaryData<Message>) =>
    void answer(call, () => handlers.unary(call.request, context), callback),
  StreamingInputCall: (call: ServerReadableStream<Message, Message>, callback: sendUnaryData<Message>) =>
    void answer(call, () => handlers.input(requestsOf(call), context), callback),
  StreamingOutputCall: (call: ServerWritableStream<Message, Message>) =>
    void pour(call, handlers.output(call.request, context)),
  FullDuplexCall: (call: ServerDuplexStream<Message, Message>) =>
    void pour(call, handlers.fullDuplex(requestsOf(call), context)),
}
