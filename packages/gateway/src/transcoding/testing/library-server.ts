import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'

/** grpc-js's number for it. */
const GZIP = 2

type Fields = Record<string, unknown>

export interface LibraryServer {
  readonly port: number
  /** Of calls, in their order. */
  readonly deadlines: (Date | number)[]
  close(): void
}

/**
 * The service of `LIBRARY_PROTO` with grpc-js and proto-loader: nothing of it is ours. `get` fails for names that begin with `error:`,
 * with that number.
 */
export async function startLibraryServer(proto: string, compressed = false): Promise<LibraryServer> {
  const folder = mkdtempSync(join(tmpdir(), 'library-'))
  writeFileSync(join(folder, 'library.proto'), withoutAnnotations(proto))
  const types = loadSync('library.proto', { includeDirs: [folder], longs: String, enums: String, defaults: true })
  rmSync(folder, { recursive: true })
  const server = new Server({ 'grpc.default_compression_algorithm': compressed ? GZIP : 0 })
  const deadlines: (Date | number)[] = []
  server.addService(types['test.v1.Library'] as ServiceDefinition, {
    get(call: ServerUnaryCall<Fields, Fields>, callback: sendUnaryData<Fields>) {
      deadlines.push(call.getDeadline())
      const name = String(call.request['name'])
      if (!name.startsWith('error:'))
        return callback(null, { name, pages: 7, author: { name: String(call.request['color']) } })
      const metadata = new Metadata()
      metadata.set('grpc-status-details-bin', Buffer.from([8, 5]))
      return callback({ code: Number(name.slice(6)) as status, details: 'that is wrong: é', metadata })
    },
    echo: (call: ServerUnaryCall<Fields, Fields>, callback: sendUnaryData<Fields>) => callback(null, call.request),
    list(call: ServerWritableStream<Fields, Fields>) {
      for (let pages = 1; pages <= 3; pages++) call.write({ name: call.request['name'], pages })
      if (call.request['full'] === true) call.emit('error', { code: status.ABORTED, details: 'enough' })
      else call.end()
    },
    add(call: ServerReadableStream<Fields, Fields>, callback: sendUnaryData<Fields>) {
      let count = 0
      call.on('data', () => count++)
      call.on('end', () => callback(null, { count }))
    },
    update: (call: ServerUnaryCall<Fields, Fields>, callback: sendUnaryData<Fields>) =>
      callback(null, call.request['book'] as Fields),
  })
  new ReflectionService(types).addToServer(server)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return { port, deadlines, close: () => server.forceShutdown() }
}

/** proto-loader knows the well-known types, and not google/api. */
const withoutAnnotations = (proto: string): string =>
  proto
    .replace('import "google/api/annotations.proto";\n', '')
    .replace('import "google/api/httpbody.proto";\n', '')
    .replaceAll('google.api.HttpBody', 'Inner')
    .replace(/\{ option \(google\.api\.http\)\.\w+ = "[^"]*"; \}/g, ';')
    .replace(/\{\s*option \(google\.api\.http\) = [\s\S]*?\};\s*\}(?=\n)/g, ';')
