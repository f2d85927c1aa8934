import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js'
import { expect } from 'vitest'
import { decodeExport, exportResponse, type CollectedSpan } from './otlp-protos.ts'

/** A collector of OTLP that checks what it is sent. */
export interface Collector {
  readonly address: string
  readonly spans: CollectedSpan[]
  /** Batches, those that it did not take included. */
  readonly batches: number
  /** Fields of the last batch. */
  readonly headers: IncomingHttpHeaders
  /** What is wrong with what came. */
  readonly faults: string[]
  /** How the next batches are answered: a status, `nothing`, or how many spans are rejected. Taken from the front; then all is well. */
  readonly answers: ({ status: number } | { rejected: number } | 'nothing')[]
  /** Waits for so many spans. */
  received(count: number): Promise<readonly CollectedSpan[]>
  close(): Promise<void>
}

class Collected {
  readonly spans: CollectedSpan[] = []
  readonly faults: string[] = []
  readonly answers: Collector['answers'] = []
  batches = 0
  headers: IncomingHttpHeaders = {}

  take(bytes: Uint8Array): void {
    try {
      this.spans.push(...decodeExport(bytes))
    } catch (error) {
      this.faults.push(String(error))
    }
  }

  async received(count: number): Promise<readonly CollectedSpan[]> {
    await expect.poll(() => this.spans.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(count)
    expect(this.faults).toEqual([])
    return this.spans
  }
}

export async function startHttpCollector(): Promise<Collector> {
  const collected = new Collected()
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      collected.batches++
      collected.headers = request.headers
      const { faults } = collected
      if (request.method !== 'POST' || request.url !== '/v1/traces') faults.push(`${request.method} ${request.url}`)
      if (request.headers['content-type'] !== 'application/x-protobuf') faults.push('content-type')
      const answer = collected.answers.shift()
      if (answer === 'nothing') return
      if (answer !== undefined && 'status' in answer) return void response.writeHead(answer.status).end('try later')
      collected.take(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(exportResponse(answer?.rejected))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(collected, {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  })
}

const same = (bytes: Buffer): Buffer => bytes

export async function startGrpcCollector(): Promise<Collector> {
  const collected = new Collected()
  const server = new Server()
  const method = {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
  server.addService(
    { Export: method },
    {
      Export: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
        collected.batches++
        collected.headers = call.metadata.toHttp2Headers() as IncomingHttpHeaders
        const next = collected.answers.shift()
        if (next === 'nothing') return
        if (next !== undefined && 'status' in next) return answer({ code: next.status, details: status[next.status] })
        collected.take(call.request)
        answer(null, exportResponse(next?.rejected))
      },
    },
  )
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return Object.assign(collected, {
    address: `127.0.0.1:${port}`,
    close: () => Promise.resolve(server.forceShutdown()),
  })
}
