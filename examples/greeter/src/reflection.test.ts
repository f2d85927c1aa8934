import { fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGreeter, startGreeter } from './start-greeter.ts'
import { askReflection, listServices } from './testing/reflection-client.ts'

let greeter: RunningGreeter
beforeAll(async () => {
  greeter = await startGreeter()
})
afterAll(() => greeter.stop())

describe.each(['v1', 'v1alpha'] as const)('reflection %s', (version) => {
  it('lists the services', async () => {
    expect(await listServices(version, greeter.port)).toEqual(
      expect.arrayContaining(['helloworld.Greeter', 'grpc.health.v1.Health']),
    )
  })

  it('describes a service with the names of the .proto file', async () => {
    const reply = await askReflection(version, greeter.port, { file_containing_symbol: 'helloworld.Greeter' })
    const [bytes] = reply.file_descriptor_response?.file_descriptor_proto ?? []
    const file = fromBinary(FileDescriptorProtoSchema, bytes)
    expect(file.package).toBe('helloworld')
    const request = file.messageType.find(({ name }) => name === 'HelloRequest')
    expect(request?.field.map(({ name, number }) => [name, number])).toEqual([
      ['name', 1],
      ['delay_ms', 2],
      ['count', 3],
    ])
    const [{ method: methods }] = file.service
    expect(
      methods.map(({ name, clientStreaming, serverStreaming }) => [name, clientStreaming, serverStreaming]),
    ).toEqual([
      ['SayHello', false, false],
      ['SayHelloStreamReply', false, true],
      ['LotsOfGreetings', true, false],
      ['SayHelloBidiStream', true, true],
    ])
  })

  it('does not know others', async () => {
    const NOT_FOUND = 5
    const reply = await askReflection(version, greeter.port, { file_containing_symbol: 'other.Service' })
    expect(reply.error_response?.error_code).toBe(NOT_FOUND)
  })
})
