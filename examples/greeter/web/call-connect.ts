import { Code, ConnectError } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-web'
import type { Call, CallEvents, MethodName } from './call.ts'
import { type HelloRequest, methods } from './greeter.ts'

/** Connect's library, which calls by `fetch`: binary replies come as they are sent. */
export const callByConnect: Call = (origin, method, request, events) => {
  const controller = new AbortController()
  void run(origin, method, request, events, controller.signal)
  return () => controller.abort()
}

async function run(
  origin: string,
  method: MethodName,
  request: HelloRequest,
  events: CallEvents,
  signal: AbortSignal,
): Promise<void> {
  const transport = createGrpcWebTransport({ baseUrl: origin })
  try {
    if (method === 'SayHello') {
      const { message } = await transport.unary(methods.SayHello, signal, undefined, undefined, request)
      events.reply(message.message)
    } else {
      const requests = only(request)
      const { message } = await transport.stream(methods.SayHelloStreamReply, signal, undefined, undefined, requests)
      for await (const reply of message) events.reply(reply.message)
    }
    events.ended({ code: 0, message: '' })
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error, Code.Unknown)
    events.ended({ code, message: rawMessage })
  }
}

async function* only<T>(value: T): AsyncGenerator<T> {
  yield value
}
