import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { MessageReader, frameMessage } from '../../../../gateway/src/grpc/message-reader.ts'
import type { InteropService } from './grpc-js-service.ts'
import { type CallContext, handlers } from './handlers.ts'
import { CallError, codecOf, type InteropMessage, methodOf, type MethodName } from './types.ts'

/**
 * The test service on `node:http2` alone, for the cases about compression: no library tells its handlers whether a message came compressed,
 * and grpc-js sends none.
 */
export async function startCompressingService(): Promise<InteropService> {
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    const method = String(headers[':path']).split('/')[2] as MethodName
    void serve(stream, method, headers['grpc-encoding'] as string | undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      server.close()
      for (const session of sessions) session.destroy()
    },
  }
}

async function serve(stream: ServerHttp2Stream, name: MethodName, encoding: string | undefined): Promise<void> {
  const codec = codecOf(methodOf('grpc.testing.TestService', name))
  const wasCompressed = new WeakMap<InteropMessage, boolean>()
  const toCompress = new WeakSet<InteropMessage>()
  const context: CallContext = {
    isCompressed: (message) => wasCompressed.get(message),
    compress: (message) => {
      toCompress.add(message)
      return message
    },
  }
  async function* requests(): AsyncGenerator<InteropMessage> {
    for await (const { bytes, compressed } of messagesOf(bytesOf(stream), encoding)) {
      const message = codec.requestDeserialize(bytes)
      wasCompressed.set(message, compressed)
      yield message
    }
  }
  const send = (message: InteropMessage): void => {
    const bytes = codec.responseSerialize(message)
    const framed = frameMessage(toCompress.has(message) ? gzipSync(bytes) : bytes)
    if (toCompress.has(message)) framed[0] = 1
    stream.write(framed)
  }
  let status = { 'grpc-status': '0', 'grpc-message': '' }
  stream.on('error', () => undefined)
  stream.on('wantTrailers', () => stream.sendTrailers(status))
  stream.respond({ 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' }, { waitForTrailers: true })
  try {
    if (name === 'StreamingInputCall') send(await handlers.input(requests(), context))
    else {
      for await (const request of requests()) {
        if (name === 'UnaryCall') send(handlers.unary(request, context))
        else for await (const message of handlers.output(request, context)) send(message)
      }
    }
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    status = { 'grpc-status': String(error.code), 'grpc-message': error.message }
  }
  stream.end()
}

/** Iterating over the stream itself would destroy it when a request is refused. */
const bytesOf = (stream: ServerHttp2Stream) => stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>

/** Messages of a stream, and whether each came compressed. */
async function* messagesOf(stream: AsyncIterable<Buffer>, encoding: string | undefined) {
  const reader = new MessageReader({ encoding, maxMessageBytes: 16 * 1024 * 1024 })
  const flags = new FlagReader()
  for await (const chunk of stream) {
    flags.read(chunk)
    reader.push(chunk)
    for (let bytes = reader.next(); bytes !== undefined; bytes = reader.next())
      yield { bytes: Uint8Array.from(bytes), compressed: flags.next() }
  }
  if (reader.end() !== undefined) throw new CallError(13, String(reader.failure?.message))
}

/** The first byte of each message. */
export class FlagReader {
  private readonly flags: boolean[] = []
  private readonly prefix: number[] = []
  private left = 0

  read(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.left > 0) {
        this.left--
        continue
      }
      this.prefix.push(byte)
      if (this.prefix.length < 5) continue
      const [flag, ...length] = this.prefix.splice(0)
      this.flags.push(flag === 1)
      this.left = Buffer.from(length).readUInt32BE()
    }
  }

  next(): boolean {
    const flag = this.flags.shift()
    if (flag === undefined) throw new Error('no message was begun')
    return flag
  }
}
