import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { beforeAll, describe, expect, test } from 'vitest'
import { compileSources } from '../proto-source/compile-sources.ts'
import { type Call, CallError, fetchFiles } from './fetch-files.ts'
import { type Question, ReflectionRequest, ReflectionResponse } from './reflection-types.ts'

let files: readonly FileDescriptorProto[] = []

beforeAll(async () => {
  const compiled = await compileSources(
    new Map([
      [
        'service.proto',
        'syntax = "proto3"; package s; import "types.proto"; import "google/protobuf/empty.proto"; service S { rpc M(t.T) returns (google.protobuf.Empty); }',
      ],
      ['types.proto', 'syntax = "proto3"; package t; import "more.proto"; message T { m.M m = 1; }'],
      ['more.proto', 'syntax = "proto3"; package m; message M {}'],
    ]),
  )
  files = compiled.files ?? []
})

interface ServerOptions {
  readonly version?: string
  readonly services?: string[]
  readonly lost?: string
}

/** A reflection service that gives one file at a time, and what it was asked. */
function server({
  version = 'v1',
  services = ['s.S', 'grpc.reflection.v1.ServerReflection'],
  lost = '',
}: ServerOptions = {}) {
  const asked: string[] = []
  const encoded = (file: FileDescriptorProto | undefined) =>
    file === undefined || file.name === lost
      ? { case: 'errorResponse', value: { errorCode: 5, errorMessage: 'not found' } }
      : { case: 'fileDescriptorResponse', value: { fileDescriptorProto: [toBinary(FileDescriptorProtoSchema, file)] } }
  const answer = ({ case: kind, value }: Question): object => {
    if (kind === 'listServices')
      return { case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } }
    if (kind === 'fileContainingSymbol') return encoded(files.find((file) => file.name === 'service.proto'))
    return encoded(files.find((file) => file.name === value))
  }
  const call: Call = async (grpcPath, message) => {
    if (grpcPath !== `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`)
      throw new CallError(12, 'unknown')
    const { messageRequest } = fromBinary(ReflectionRequest, message) as unknown as { messageRequest: Question }
    asked.push(`${messageRequest.case} ${messageRequest.value}`)
    return toBinary(ReflectionResponse, create(ReflectionResponse, { messageResponse: answer(messageRequest) }))
  }
  return { call, asked }
}

test('the files of all services, and what they import', async () => {
  const { call, asked } = server()
  expect((await fetchFiles(call)).map(({ name }) => name)).toEqual(['service.proto', 'types.proto', 'more.proto'])
  expect(asked).toEqual([
    'listServices *',
    'fileContainingSymbol s.S',
    'fileByFilename types.proto',
    'fileByFilename more.proto',
  ])
})

test('the older name of the service', async () => {
  expect(await fetchFiles(server({ version: 'v1alpha' }).call)).toHaveLength(3)
})

describe('what goes wrong', () => {
  test('no reflection at all', () => expect(fetchFiles(server({ version: 'v9' }).call)).rejects.toThrow('unknown'))

  test('a file that is not there', () =>
    expect(fetchFiles(server({ lost: 'more.proto' }).call)).rejects.toThrow('the reflection service: not found'))

  test('more services than anybody has', async () => {
    const { call, asked } = server({ services: Array.from({ length: 1_001 }, (_, at) => `s.S${at}`) })
    await expect(fetchFiles(call)).rejects.toThrow('the upstream has more than 1000 services')
    expect(asked).toHaveLength(1)
  })

  test('an answer to another question', async () => {
    const call: Call = () => Promise.resolve(new Uint8Array(0))
    await expect(fetchFiles(call)).rejects.toThrow('the reflection service answered something else')
  })

  test('a file that is not the one that was asked for', async () => {
    const { call } = server()
    const service = files.find(({ name }) => name === 'service.proto')!
    const value = { fileDescriptorProto: [toBinary(FileDescriptorProtoSchema, service)] }
    const same = toBinary(
      ReflectionResponse,
      create(ReflectionResponse, { messageResponse: { case: 'fileDescriptorResponse', value } }),
    )
    let calls = 0
    await expect(
      fetchFiles((path, message) => (calls++ === 0 ? call(path, message) : Promise.resolve(same))),
    ).rejects.toThrow('the upstream does not describe types.proto')
  })
})
