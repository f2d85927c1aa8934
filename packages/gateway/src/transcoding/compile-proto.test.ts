import { describe, expect, test } from 'vitest'
import { compileProto } from './compile-proto.ts'
import { registryOfText } from './descriptors/descriptor-text.ts'
import { LIBRARY_PROTO } from './testing/library-proto.ts'

const problem = async (proto: object): Promise<string> => {
  const result = await compileProto({ id: 'x', ...proto })
  return 'path' in result ? `${result.path} ${result.message}` : 'nothing'
}

async function descriptorsOf(proto: object): Promise<string> {
  const result = await compileProto({ id: 'x', ...proto })
  if ('path' in result) throw new Error(result.message)
  return result.descriptors
}

describe('what is right', () => {
  test('a text', async () => {
    const registry = registryOfText(await descriptorsOf({ content: LIBRARY_PROTO }))
    expect(registry.getService('test.v1.Library')?.methods).toHaveLength(11)
  })

  test('what a descriptor set is made of a text, comes to the same', async () => {
    const descriptors = await descriptorsOf({ content: LIBRARY_PROTO })
    expect(await descriptorsOf({ content: descriptors })).toBe(descriptors)
    const wrapped = descriptors.replace(/.{76}/g, '$&\n')
    expect(await descriptorsOf({ content: wrapped })).toBe(descriptors)
  })

  test('a text that imports files beside it', async () => {
    const descriptors = await descriptorsOf({
      content: 'syntax = "proto3"; import "dir/b.proto"; message A { b.B b = 1; }',
      files: { 'dir/b.proto': 'syntax = "proto3"; package b; message B {}' },
    })
    expect(registryOfText(descriptors).getMessage('A')?.field['b'].message?.typeName).toBe('b.B')
  })
})

describe('what is wrong', () => {
  test.each([
    [{ content: 'syntax = "proto3";\nmessage {}' }, '/content line 2, column 9: "{" is no type name'],
    [{ files: { 'a/b~.proto': 'x' } }, '/files/a~1b~0.proto line 1, column 1: "x" cannot stand here'],
    [{ content: 'aGVsbG8=' }, '/content is base64, but not of a FileDescriptorSet'],
    [{ content: 'CgA=', files: { a: '' } }, '/files go with the text of a .proto only; leave them out'],
  ])('%j', async (proto, told) => expect(await problem(proto)).toBe(told))

  test('a set without the files that it imports', async () => {
    const content = Buffer.from('\n\x12\n\x01a\x1a\x0dother/b.proto', 'latin1').toString('base64')
    expect(await problem({ content })).toBe(
      '/content "other/b.proto" is missing, which a imports; make the set with --include_imports',
    )
  })
})
