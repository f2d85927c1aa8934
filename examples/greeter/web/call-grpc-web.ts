import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { GrpcWebClientBase, MethodDescriptor, MethodType } from 'grpc-web'
import type { Call, CallEvents, MethodName } from './call.ts'
import { type HelloReply, type HelloRequest, methods } from './greeter.ts'

/** gRPC's own library. Text is what it was made for: its replies come as they are sent, those of binary at the end. */
export function callByGrpcWeb(format: 'text' | 'binary'): Call {
  const client = new GrpcWebClientBase({ format })
  return (origin, method, request, events) => {
    const url = `${origin}/helloworld.Greeter/${method}`
    const end = once(events)
    if (method === 'SayHello') {
      const call = client.rpcCall(url, request, {}, descriptor(method), (error, reply) => {
        if (error !== null) return end({ code: error.code, message: error.message })
        events.reply(reply.message)
        end({ code: 0, message: '' })
      })
      return () => call.cancel()
    }
    const call = client.serverStreaming(url, request, {}, descriptor(method))
    call.on('data', (reply) => events.reply(reply.message))
    call.on('error', (error) => end({ code: error.code, message: error.message }))
    call.on('end', () => end({ code: 0, message: '' }))
    return () => call.cancel()
  }
}

function once(events: CallEvents): CallEvents['ended'] {
  let done = false
  return (end) => {
    if (!done) events.ended(end)
    done = true
  }
}

function descriptor(name: MethodName): MethodDescriptor<HelloRequest, HelloReply> {
  const { input, output } = methods[name]
  // The constructors are asked for by its types, and used by nothing.
  const none = Object as unknown as new () => never
  return new MethodDescriptor<HelloRequest, HelloReply>(
    name,
    name === 'SayHello' ? MethodType.UNARY : MethodType.SERVER_STREAMING,
    none,
    none,
    (request: HelloRequest) => toBinary(input, request),
    (bytes: Uint8Array) => fromBinary(output, bytes),
  )
}
