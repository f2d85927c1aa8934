import { Client, credentials, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js'

/** `HelloRequest` and `HelloReply`: a text in field 1, shorter than 128 bytes. */
const encode = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x0a, Buffer.byteLength(text)]), Buffer.from(text)])
const decode = (bytes: Buffer): string => bytes.subarray(2).toString()

const PATH = '/helloworld.Greeter/SayHello'
const GREETER: ServiceDefinition = {
  sayHello: {
    path: PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: encode,
    requestDeserialize: decode,
    responseSerialize: encode,
    responseDeserialize: decode,
  },
}

/** The smallest Greeter, and a native client of it. */
export interface GreeterServer {
  readonly port: number
  /** Calls SayHello at `host:port`. */
  call(host: string, name: string): Promise<string>
  stop(): void
}

export async function startGreeterServer(): Promise<GreeterServer> {
  const server = new Server()
  server.addService(GREETER, {
    sayHello: (call: { request: string }, done: (error: null, reply: string) => void) =>
      done(null, `Hello ${call.request}`),
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return {
    port,
    call: (host, name) => {
      const client = new Client(host, credentials.createInsecure())
      return new Promise<string>((resolve, reject) => {
        client.makeUnaryRequest(PATH, encode, decode, name, (error, reply) => {
          client.close()
          if (error === null && reply !== undefined) resolve(reply)
          else reject(error ?? new Error('no reply'))
        })
      })
    },
    stop: () => server.forceShutdown(),
  }
}
