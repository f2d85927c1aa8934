import {
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type CallOptions,
  type ServiceError,
} from '@grpc/grpc-js'
import type { PackageDefinition } from '@grpc/proto-loader'
import { greeterPackage } from '../proto.ts'
import type { HelloReply, HelloRequest } from '../messages.ts'

export type Answer<T> = (error: ServiceError | null, reply?: T) => void
type Request = Partial<HelloRequest>

/** What proto-loader and grpc-js make of the service. */
export interface GreeterClient extends Client {
  SayHello(request: Request, metadata: Metadata, options: CallOptions, answer: Answer<HelloReply>): ClientUnaryCall
  SayHelloStreamReply(request: Request): ClientReadableStream<HelloReply>
  LotsOfGreetings(answer: Answer<HelloReply>): ClientWritableStream<Request>
  SayHelloBidiStream(): ClientDuplexStream<Request, HelloReply>
}

type Constructor = new (address: string, channel: ChannelCredentials) => Client

/** A client of a service that a loaded `.proto` file has. */
export function clientOf<T extends Client>(loaded: PackageDefinition, service: string, port: number): T {
  let found: unknown = loadPackageDefinition(loaded)
  for (const part of service.split('.')) found = (found as Record<string, unknown>)[part]
  return new (found as Constructor)(`127.0.0.1:${port}`, credentials.createInsecure()) as T
}

export const greeterClient = (port: number): GreeterClient => clientOf(greeterPackage, 'helloworld.Greeter', port)

/** A unary call as a promise, which rejects with grpc-js's error. */
export function sayHello(
  client: GreeterClient,
  request: Request,
  headers: Readonly<Record<string, string>> = {},
  options: CallOptions = {},
): Promise<HelloReply> {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return promised((answer) => client.SayHello(request, metadata, options, answer))
}

export function promised<T>(call: (answer: Answer<T>) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, reply) => (error === null ? resolve(reply as T) : reject(error)))
  })
}

/** Takes the messages of a stream one by one. All of it rejects with grpc-js's error when the call ends with one. */
export interface MessageReader<T> {
  /** Undefined at the end. */
  next(): Promise<T | undefined>
  rest(): Promise<T[]>
}

export function read<T>(stream: ClientReadableStream<T>): MessageReader<T> {
  // From now on, and not by events, between which messages would be lost.
  const iterator = (stream as AsyncIterable<T>)[Symbol.asyncIterator]()
  const next = async (): Promise<T | undefined> => {
    const { done, value } = await iterator.next()
    return done === true ? undefined : value
  }
  return {
    next,
    async rest() {
      const all: T[] = []
      for (let message = await next(); message !== undefined; message = await next()) all.push(message)
      return all
    },
  }
}

export const messagesOf = <T>(stream: ClientReadableStream<T>): Promise<T[]> => read(stream).rest()
