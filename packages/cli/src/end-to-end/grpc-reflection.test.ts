import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary, fromJson, toBinary, toJson, type FileRegistry } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGreeter, startGreeter } from '../../../../examples/greeter/src/start-greeter.ts'
import { askReflection, listServices } from '../../../../examples/greeter/src/testing/reflection-client.ts'
import { registryOf } from '../../../gateway/src/transcoding/descriptors/registry.ts'
import { Sekisho } from '../testing/sekisho.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-reflection-'))
let greeter: RunningGreeter
let gateway: Sekisho
let port = 0

beforeAll(async () => {
  greeter = await startGreeter()
  writeFileSync(
    join(folder, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
metrics: false
workers: 1
routes:
  - { uri: /*, upstream: { scheme: grpc, nodes: { "127.0.0.1:${greeter.port}": 1 } } }
`,
  )
  gateway = new Sekisho(['start'], { cwd: folder })
  const [, printed] = await gateway.printed(/^serving \S+ on http:\/\/127\.0\.0\.1:(\d+)/m)
  port = Number(printed)
}, 60_000)
afterAll(async () => {
  await gateway?.stop()
  greeter?.abort()
  await greeter?.stop()
  rmSync(folder, { recursive: true })
})

/** Types of a service that are known from nothing but its own words. */
async function describedTypes(version: 'v1' | 'v1alpha', symbol: string): Promise<FileRegistry> {
  const { file_descriptor_response: reply } = await askReflection(version, port, { file_containing_symbol: symbol })
  return registryOf((reply?.file_descriptor_proto ?? []).map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes)))
}

describe.each(['v1', 'v1alpha'] as const)('as grpcurl does, by reflection %s', (version) => {
  it('list', async () => {
    expect(await listServices(version, port)).toEqual(
      expect.arrayContaining(['helloworld.Greeter', 'grpc.health.v1.Health']),
    )
  })

  it('describe', async () => {
    const service = (await describedTypes(version, 'helloworld.Greeter')).getService('helloworld.Greeter')
    expect(service?.methods.map(({ name, methodKind }) => [name, methodKind])).toEqual([
      ['SayHello', 'unary'],
      ['SayHelloStreamReply', 'server_streaming'],
      ['LotsOfGreetings', 'client_streaming'],
      ['SayHelloBidiStream', 'bidi_streaming'],
    ])
  })

  it('call, with JSON', async () => {
    const registry = await describedTypes(version, 'helloworld.Greeter')
    const method = registry.getService('helloworld.Greeter')?.methods[0]
    if (method === undefined) throw new Error('no method')
    const request = Buffer.from(toBinary(method.input, fromJson(method.input, { name: 'Ada' })))
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
    const bytes = (value: Buffer): Buffer => value
    const reply = await new Promise<Buffer>((resolve, reject) => {
      const done = (error: ServiceError | null, value?: Buffer): void =>
        error === null ? resolve(value as Buffer) : reject(error)
      client.makeUnaryRequest('/helloworld.Greeter/SayHello', bytes, bytes, request, done)
    })
    client.close()
    const json = toJson(method.output, fromBinary(method.output, reply), { useProtoFieldName: true })
    expect(json).toEqual({ message: 'Hello Ada' })
  })

  it('an unknown symbol is an error of the service', async () => {
    const { error_response: error } = await askReflection(version, port, { file_containing_symbol: 'no.Such' })
    expect(error?.error_code).toBe(5)
  })
})
