import { createRequire } from 'node:module'
import { type Client, type ClientDuplexStream } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGreeter, startGreeter } from './start-greeter.ts'
import { clientOf, read } from './testing/greeter-client.ts'

interface Question {
  readonly list_services?: string
  readonly file_containing_symbol?: string
}
interface Reply {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] }
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Uint8Array[] }
  readonly error_response?: { readonly error_code: number }
}
interface ReflectionClient extends Client {
  ServerReflectionInfo(): ClientDuplexStream<Question, Reply>
}

let greeter: RunningGreeter
beforeAll(async () => {
  greeter = await startGreeter()
})
afterAll(() => greeter.stop())

describe.each(['v1', 'v1alpha'])('reflection %s', (version) => {
  const proto = createRequire(import.meta.url).resolve(
    `@grpc/reflection/build/proto/grpc/reflection/${version}/reflection.proto`,
  )

  async function ask(question: Question): Promise<Reply> {
    const loaded = loadSync(proto, { keepCase: true, oneofs: true })
    const client = clientOf<ReflectionClient>(loaded, `grpc.reflection.${version}.ServerReflection`, greeter.port)
    const call = client.ServerReflectionInfo()
    call.write(question)
    call.end()
    const [reply] = await read(call).rest()
    client.close()
    return reply
  }

  it('lists the services', async () => {
    const { list_services_response: list } = await ask({ list_services: '' })
    expect(list?.service.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['helloworld.Greeter', 'grpc.health.v1.Health']),
    )
  })

  it('describes a service with the names of the .proto file', async () => {
    const { file_descriptor_response: files } = await ask({ file_containing_symbol: 'helloworld.Greeter' })
    const [file] = (files?.file_descriptor_proto ?? []).map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
    expect(file.package).toBe('helloworld')
    const request = file.messageType.find(({ name }) => name === 'HelloRequest')
    expect(request?.field.map(({ name, number }) => [name, number])).toEqual([
      ['name', 1],
      ['delay_ms', 2],
      ['count', 3],
    ])
    expect(file.service[0].method.map(({ name, clientStreaming, serverStreaming }) => [name, clientStreaming, serverStreaming])).toEqual([
      ['SayHello', false, false],
      ['SayHelloStreamReply', false, true],
      ['LotsOfGreetings', true, false],
      ['SayHelloBidiStream', true, true],
    ])
  })

  it('does not know others', async () => {
    expect((await ask({ file_containing_symbol: 'other.Service' })).error_response?.error_code).toBe(5)
  })
})
