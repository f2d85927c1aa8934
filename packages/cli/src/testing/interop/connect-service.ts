import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import {
  ConnectError,
  type ConnectRouter,
  decodeBinaryHeader,
  encodeBinaryHeader,
  type HandlerContext,
  type ServiceImpl,
} from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import type { InteropService } from './grpc-js-service.ts'
import { type CallContext, handlers } from './handlers.ts'
import { CallError, INITIAL, type InteropMessage, serviceOf, TRAILING } from './types.ts'

const context: CallContext = { isCompressed: () => undefined, compress: (message) => message }

/** The test service on connect-node: the Connect protocol, gRPC and gRPC-Web. */
export async function startConnectService(httpMajor: 1 | 2): Promise<InteropService> {
  const handler = connectNodeAdapter({ routes })
  const sessions = new Set<ServerHttp2Session>()
  let server: Server
  let stop: () => void
  if (httpMajor === 1) {
    const http1 = createHttpServer(handler)
    server = http1
    stop = () => http1.closeAllConnections()
  } else {
    const http2 = createHttp2Server(handler)
    http2.on('session', (session) => {
      sessions.add(session)
      session.on('error', () => undefined)
      session.on('close', () => sessions.delete(session))
    })
    server = http2
    stop = () => sessions.forEach((session) => session.destroy())
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      server.close()
      stop()
    },
  }
}

function routes(router: ConnectRouter): void {
  router.service(
    serviceOf('grpc.testing.TestService'),
    implementation as unknown as ServiceImpl<ReturnType<typeof serviceOf>>,
  )
}

function echo({ requestHeader, responseHeader, responseTrailer }: HandlerContext): void {
  const initial = requestHeader.get(INITIAL)
  if (initial !== null) responseHeader.set(INITIAL, initial)
  const trailing = requestHeader.get(TRAILING)
  if (trailing !== null) responseTrailer.set(TRAILING, encodeBinaryHeader(decodeBinaryHeader(trailing)))
}

const failure = (error: unknown): unknown =>
  error instanceof CallError ? new ConnectError(error.message, error.code) : error

async function answer(call: HandlerContext, reply: () => InteropMessage | Promise<InteropMessage>) {
  echo(call)
  try {
    return await reply()
  } catch (error) {
    throw failure(error)
  }
}

async function* pour(call: HandlerContext, messages: AsyncIterable<InteropMessage>) {
  echo(call)
  try {
    yield* messages
  } catch (error) {
    throw failure(error)
  }
}

const implementation = {
  emptyCall: (_: InteropMessage, call: HandlerContext) => answer(call, handlers.empty),
  unaryCall: (request: InteropMessage, call: HandlerContext) => answer(call, () => handlers.unary(request, context)),
  cacheableUnaryCall: (request: InteropMessage, call: HandlerContext) =>
    answer(call, () => handlers.unary(request, context)),
  streamingInputCall: (requests: AsyncIterable<InteropMessage>, call: HandlerContext) =>
    answer(call, () => handlers.input(requests, context)),
  streamingOutputCall: (request: InteropMessage, call: HandlerContext) => pour(call, handlers.output(request, context)),
  fullDuplexCall: (requests: AsyncIterable<InteropMessage>, call: HandlerContext) =>
    pour(call, handlers.fullDuplex(requests, context)),
}
