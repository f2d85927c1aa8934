import {
  create,
  createFileRegistry,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type Message,
} from '@bufbuild/protobuf'
import { base64Decode } from '@bufbuild/protobuf/wire'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import files from '../proto/helloworld.proto'

export type HelloRequest = Message<'helloworld.HelloRequest'> & { name: string; delayMs: number; count: number }
export type HelloReply = Message<'helloworld.HelloReply'> & { message: string }
type Input = GenMessage<HelloRequest>
type Output = GenMessage<HelloReply>

const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: files.map((text) => fromBinary(FileDescriptorProtoSchema, base64Decode(text))),
  }),
)
const service = registry.getService('helloworld.Greeter')
if (service === undefined) throw new Error('the .proto file has no helloworld.Greeter')

export const helloRequest = (name: string, delayMs: number, count: number): HelloRequest =>
  create(methods.SayHello.input, { name, delayMs, count })

/** The methods that gRPC-Web can call: those whose requests are one message. */
export const methods = {
  SayHello: service.method['sayHello'] as DescMethodUnary<Input, Output>,
  SayHelloStreamReply: service.method['sayHelloStreamReply'] as DescMethodServerStreaming<Input, Output>,
}
