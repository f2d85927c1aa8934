import { create, equals } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import { compileSources } from '../proto-source/compile-sources.ts'
import { LIBRARY_PROTO } from '../testing/library-proto.ts'
import { mendFiles } from './mend-files.ts'
import { registryOf } from './registry.ts'

async function compiled(sources: Record<string, string>): Promise<readonly FileDescriptorProto[]> {
  const { files = [] } = await compileSources(new Map(Object.entries(sources)))
  return files
}

const set = (file: readonly FileDescriptorProto[]) => create(FileDescriptorSetSchema, { file: [...file] })

test('what is right stays', async () => {
  const files = await compiled({ 'library.proto': LIBRARY_PROTO })
  expect(equals(FileDescriptorSetSchema, set(mendFiles(files)), set(files))).toBe(true)
})

test('names, imports, JSON names and optional fields as protobufjs leaves them', async () => {
  const files = await compiled({
    'a.proto': 'syntax = "proto3"; package a; import "b.proto"; message A { b.B the_b = 1; optional int32 maybe = 2; }',
    'b.proto': 'syntax = "proto3"; package b; message B { message C {} C c = 1; B b = 2; }',
  })
  for (const file of files) {
    file.dependency = []
    for (const message of file.messageType) {
      for (const field of message.field) {
        field.jsonName = ''
        field.proto3Optional = false
        field.typeName = field.typeName.replace(/^\.(?:b\.B\.(?=C)|b\.(?=B$))?/, file.package === 'a' ? 'b.' : '')
      }
    }
  }
  const registry = registryOf(mendFiles([...files].reverse()))
  const { the_b: theB, maybe } = Object.fromEntries(
    registry.getMessage('a.A')!.fields.map((field) => [field.name, field]),
  )
  expect(theB.message?.typeName).toBe('b.B')
  expect(theB.jsonName).toBe('theB')
  expect(maybe.oneof).toBeUndefined()
  expect(registry.getMessage('b.B')!.fields.map(({ message }) => message?.typeName)).toEqual(['b.B.C', 'b.B'])
})
