import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { LookupFunction } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  Http2SessionManager,
} from '@connectrpc/connect-node'
import { credentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AUTHORITY } from '../../../gateway/src/tls/testing/authorities.ts'
import { A_CERTIFICATE, KEY } from '../../../gateway/src/tls/testing/server-certificates.ts'
import { CASES, COMPRESSED_CASES } from '../testing/interop/cases.ts'
import type { InteropClient } from '../testing/interop/client.ts'
import { startCompressingService } from '../testing/interop/compressing-service.ts'
import { ConnectClient } from '../testing/interop/connect-client.ts'
import { startConnectService } from '../testing/interop/connect-service.ts'
import { GrpcJsClient } from '../testing/interop/grpc-js-client.ts'
import { startGrpcJsService, type InteropService } from '../testing/interop/grpc-js-service.ts'
import { freePort } from '../testing/free-port.ts'
import { Sekisho } from '../testing/sekisho.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-interop-'))
const services: InteropService[] = []
let gateway: Sekisho | undefined
let plain = 0
let tls = 0

beforeAll(async () => {
  services.push(
    await startGrpcJsService(),
    await startGrpcJsService({ cert: A_CERTIFICATE, key: KEY }),
    await startCompressingService(),
    await startConnectService(1),
    await startConnectService(2),
  )
  const [insecure, secure, compressing, connect1, connect2] = services.map(({ port }) => `{ "127.0.0.1:${port}": 1 }`)
  writeFileSync(join(folder, 'chain.pem'), A_CERTIFICATE)
  writeFileSync(join(folder, 'key.pem'), KEY)
  writeFileSync(join(folder, 'ca.pem'), AUTHORITY)
  writeFileSync(
    join(folder, 'sekisho.yaml'),
    `listen:
  - "127.0.0.1:0"
  - { address: "127.0.0.1:${await freePort()}", tls: { cert: chain.pem, key: key.pem } }
workers: 1
metrics: false
routes:
  - { uri: /grpc.testing.TestService/*, host: plain.test, upstream: { scheme: grpc, nodes: ${insecure} } }
  - uri: /grpc.testing.TestService/*
    host: a.test
    upstream: { scheme: grpcs, nodes: ${secure}, tls: { sni: a.test, ca: { file: ca.pem } } }
  - uri: /grpc.testing.TestService/*
    hosts: [compressing.test, www.a.test]
    upstream: { scheme: grpc, nodes: ${compressing} }
  - { uri: /*, host: connect1.test, upstream: { scheme: http, nodes: ${connect1} } }
  - { uri: /*, host: connect2.test, upstream: { scheme: grpc, nodes: ${connect2} } }
`,
  )
  gateway = new Sekisho(['start'], { cwd: folder })
  const match = await gateway.printed(/^serving \S+ on http:\/\/\S+:(\d+), https:\/\/\S+:(\d+)/m)
  plain = Number(match[1])
  tls = Number(match[2])
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  for (const service of services) service.stop()
  rmSync(folder, { recursive: true })
})

const GZIP = { 'grpc.default_compression_algorithm': 2 }

/** A grpc-js client, by TLS when the name is one of the certificate. */
function grpcJs(host: string, options: object = {}): InteropClient {
  const secure = host.endsWith('a.test')
  return new GrpcJsClient(
    `127.0.0.1:${secure ? tls : plain}`,
    secure ? credentials.createSsl(Buffer.from(AUTHORITY)) : credentials.createInsecure(),
    { 'grpc.default_authority': host, ...(secure ? { 'grpc.ssl_target_name_override': host } : {}), ...options },
  )
}

/** Every name is this machine. */
const lookup: LookupFunction = (_name, options, done) => {
  if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}

const baseUrlOf = (host: string): string =>
  host.endsWith('a.test') ? `https://${host}:${tls}` : `http://${host}:${plain}`

function connectGrpc(host: string, compress = false): InteropClient {
  const baseUrl = baseUrlOf(host)
  const sessionManager = new Http2SessionManager(baseUrl, {}, { lookup, ca: AUTHORITY })
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager,
    ...(compress ? { sendCompression: compressionGzip, compressMinBytes: 0 } : {}),
  })
  return new ConnectClient(transport, { fullDuplex: true, close: () => sessionManager.abort() })
}

function connectProtocol(host: string, httpMajor: 1 | 2, fullDuplex = true): InteropClient {
  const baseUrl = baseUrlOf(host)
  const common = { baseUrl, useHttpGet: true, useBinaryFormat: true }
  if (httpMajor === 1) {
    const transport = createConnectTransport({ ...common, httpVersion: '1.1', nodeOptions: { lookup } })
    return new ConnectClient(transport, { fullDuplex: false })
  }
  const sessionManager = new Http2SessionManager(baseUrl, {}, { lookup })
  const transport = createConnectTransport({ ...common, httpVersion: '2', sessionManager })
  return new ConnectClient(transport, { fullDuplex, close: () => sessionManager.abort() })
}

async function using(clients: readonly InteropClient[], run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } finally {
    for (const client of clients) client.close()
  }
}

describe.each([
  ['grpc-js to grpc-js, h2c', () => grpcJs('plain.test')],
  ['grpc-js to grpc-js, TLS', () => grpcJs('a.test')],
  ['connect-node to grpc-js, h2c', () => connectGrpc('plain.test')],
  ['connect-node to grpc-js, TLS', () => connectGrpc('a.test')],
  ['connect-node to connect-node, gRPC', () => connectGrpc('connect2.test')],
  ['connect-node to connect-node, Connect over HTTP/2', () => connectProtocol('connect2.test', 2)],
  ['Connect over HTTP/2, HTTP/1.1 to the service', () => connectProtocol('connect1.test', 2, false)],
  ['Connect over HTTP/1.1, the same to the service', () => connectProtocol('connect1.test', 1)],
  ['Connect over HTTP/1.1, HTTP/2 to the service', () => connectProtocol('connect2.test', 1)],
])('%s', (name, make) => {
  // Both ends of the way must be HTTP/2 for a client that listens while it talks.
  const halfDuplex = /HTTP\/1\.1/.test(name)
  const needsDuplex = new Set([
    'ping_pong',
    'empty_stream',
    'cancel_after_first_response',
    'timeout_on_sleeping_server',
  ])
  const names = Object.keys(CASES).filter((one) => !halfDuplex || !needsDuplex.has(one))

  it.each(names)('%s', async (one) => {
    const client = make()
    await using([client], () => CASES[one](client))
  })
})

describe.each([
  ['grpc-js, h2c', () => grpcJs('compressing.test', GZIP), () => grpcJs('compressing.test')],
  ['grpc-js, TLS', () => grpcJs('www.a.test', GZIP), () => grpcJs('www.a.test')],
  ['connect-node, h2c', () => connectGrpc('compressing.test', true), () => connectGrpc('compressing.test')],
])('compression: %s', (_, makeCompressing, makePlain) => {
  it.each(Object.keys(COMPRESSED_CASES))('%s', async (one) => {
    const clients = [makeCompressing(), makePlain()] as const
    await using(clients, () => COMPRESSED_CASES[one](...clients))
  })
})

it('these are the 19 cases without credentials', () => {
  expect([...Object.keys(CASES), ...Object.keys(COMPRESSED_CASES)]).toHaveLength(19)
})
