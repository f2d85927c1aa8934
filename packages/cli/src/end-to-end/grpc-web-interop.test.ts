import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compressionGzip, createGrpcWebTransport, Http2SessionManager } from '@connectrpc/connect-node'
import {
  createConnectTransport as connectForWeb,
  createGrpcWebTransport as grpcWebForWeb,
} from '@connectrpc/connect-web'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CASES, COMPRESSED_CASES } from '../testing/interop/cases.ts'
import type { InteropClient } from '../testing/interop/client.ts'
import { startCompressingService } from '../testing/interop/compressing-service.ts'
import { ConnectClient } from '../testing/interop/connect-client.ts'
import { startConnectService } from '../testing/interop/connect-service.ts'
import { startGrpcJsService, type InteropService } from '../testing/interop/grpc-js-service.ts'
import { GrpcWebClient } from '../testing/interop/grpc-web-client.ts'
import { lookup } from '../testing/interop/xml-http-request.ts'
import { Sekisho } from '../testing/sekisho.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-grpc-web-'))
const services: InteropService[] = []
let gateway: Sekisho | undefined
let port = 0

beforeAll(async () => {
  services.push(await startGrpcJsService(), await startCompressingService(), await startConnectService(2))
  const [plain, compressing, connect] = services.map((service) => `{ "127.0.0.1:${service.port}": 1 }`)
  writeFileSync(
    join(folder, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
workers: 1
metrics: false
upstreams:
  - { id: plain, scheme: grpc, nodes: ${plain} }
  - { id: compressing, scheme: grpc, nodes: ${compressing} }
  - { id: connect, scheme: grpc, nodes: ${connect} }
plugin_configs:
  - { id: web, plugins: { grpc-web: {}, cors: {} } }
routes:
  - { uri: /grpc.testing.TestService/*, hosts: [plain.test, 127.0.0.1], upstream_id: plain, plugin_config_id: web }
  - { uri: /*, host: compressing.test, upstream_id: compressing, plugin_config_id: web }
  - { uri: /*, hosts: [connect.test, localhost], upstream_id: connect, plugin_config_id: web }
`,
  )
  gateway = new Sekisho(['start'], { cwd: folder })
  const [, found] = await gateway.printed(/^serving \S+ on http:\/\/\S+:(\d+)/m)
  port = Number(found)
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  for (const service of services) service.stop()
  rmSync(folder, { recursive: true })
})

function connectNode(host: string, httpMajor: 1 | 2, compress = false): InteropClient {
  const baseUrl = `http://${host}:${port}`
  const compression = compress ? { sendCompression: compressionGzip, compressMinBytes: 0 } : {}
  if (httpMajor === 1) {
    const transport = createGrpcWebTransport({ baseUrl, httpVersion: '1.1', nodeOptions: { lookup }, ...compression })
    return new ConnectClient(transport, { fullDuplex: false })
  }
  const sessionManager = new Http2SessionManager(baseUrl, {}, { lookup })
  const transport = createGrpcWebTransport({ baseUrl, httpVersion: '2', sessionManager, ...compression })
  return new ConnectClient(transport, { fullDuplex: true, close: () => sessionManager.abort() })
}

/** Connect's library for browsers, which calls by `fetch`. With one request a conversation is a stream of replies. */
function connectWeb(make: typeof connectForWeb | typeof grpcWebForWeb, host: string): InteropClient {
  const transport = make({ baseUrl: `http://${host}:${port}`, useBinaryFormat: true })
  const client = new ConnectClient(transport, { fullDuplex: false })
  return {
    fullDuplex: false,
    choosesCompression: false,
    unary: (...call) => client.unary(...call),
    open: (name, options) => client.open(name === 'FullDuplexCall' ? 'StreamingOutputCall' : name, options),
    close: () => client.close(),
  }
}

const grpcWeb = (host: string, format: 'text' | 'binary'): InteropClient =>
  new GrpcWebClient(`http://${host}:${port}`, format)

async function using(clients: readonly InteropClient[], run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } finally {
    for (const client of clients) client.close()
  }
}

/** Who cannot listen while it talks. */
const DUPLEX = ['ping_pong', 'cancel_after_first_response']
/** Who sends one message, as the library of browsers. */
const STREAMED = [...DUPLEX, 'client_streaming', 'empty_stream', 'cancel_after_begin']

describe.each([
  ['connect-node over HTTP/2', () => connectNode('plain.test', 2), []],
  ['connect-node over HTTP/1.1', () => connectNode('plain.test', 1), DUPLEX],
  ['connect-node to connect-node', () => connectNode('connect.test', 2), []],
  ['connect-web by gRPC-Web', () => connectWeb(grpcWebForWeb, '127.0.0.1'), STREAMED],
  ['connect-web by Connect, past the plugin', () => connectWeb(connectForWeb, 'localhost'), STREAMED],
  ['grpc-web, text', () => grpcWeb('plain.test', 'text'), STREAMED],
  ['grpc-web, binary', () => grpcWeb('plain.test', 'binary'), STREAMED],
])('%s', (_, make, without) => {
  it.each(Object.keys(CASES).filter((name) => !without.includes(name)))('%s', async (name) => {
    const client = make()
    await using([client], () => CASES[name](client))
  })
})

describe.each([
  ['connect-node over HTTP/2', 2],
  ['connect-node over HTTP/1.1', 1],
] as const)('compression: %s', (_, httpMajor) => {
  it.each(Object.keys(COMPRESSED_CASES))('%s', async (name) => {
    const clients = [
      connectNode('compressing.test', httpMajor, true),
      connectNode('compressing.test', httpMajor),
    ] as const
    await using(clients, () => COMPRESSED_CASES[name](...clients))
  })
})

// What the library cannot unpack, a service is asked not to pack.
describe.each(['text', 'binary'] as const)('compression: grpc-web, %s', (format) => {
  it.each(['server_compressed_unary', 'server_compressed_streaming'])('%s', async (name) => {
    const client = grpcWeb('plain.test', format)
    await using([client], () => COMPRESSED_CASES[name](client, client))
  })
})

it('a service that is not there', async () => {
  services[2].stop()
  for (const client of [
    connectNode('connect.test', 1),
    grpcWeb('connect.test', 'text'),
    grpcWeb('connect.test', 'binary'),
  ]) {
    await expect(client.unary('EmptyCall', {})).rejects.toMatchObject({ code: 14 })
    client.close()
  }
})
