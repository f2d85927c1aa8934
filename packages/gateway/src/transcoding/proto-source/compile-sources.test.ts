import { readFileSync } from 'node:fs'
import { fromBinary, toJson } from '@bufbuild/protobuf'
import { type DescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { registryOf } from '../descriptors/registry.ts'
import { wellKnownFiles } from '../well-known/well-known-files.ts'
import { compileSources } from './compile-sources.ts'
import { renderProtoProblem } from './proto-problem.ts'

const golden = (name: string): Buffer => readFileSync(new URL(`golden/${name}`, import.meta.url))

async function compiled(sources: Record<string, string>) {
  const { files, problem } = await compileSources(new Map(Object.entries(sources)))
  if (files === undefined) throw new Error(renderProtoProblem(problem))
  return files
}

async function problem(sources: Record<string, string>): Promise<string> {
  const result = await compileSources(new Map(Object.entries(sources)))
  return result.problem === undefined ? 'nothing' : renderProtoProblem(result.problem)
}

/** Where a nested message stands means nothing; nor do numbers that are reserved, once they have been checked. */
function normal(message: DescriptorProto): void {
  message.nestedType.sort((a, b) => (a.name < b.name ? -1 : 1))
  message.reservedRange = []
  message.reservedName = []
  message.nestedType.forEach(normal)
}

/** `protoc --descriptor_set_out=NAME.binpb NAME.proto`, protoc 35.1. */
test.each(['library', 'legacy', 'edition'])('as protoc compiles it: %s.proto', async (name) => {
  const [file] = await compiled({ [`${name}.proto`]: golden(`${name}.proto`).toString() })
  const [wanted] = fromBinary(FileDescriptorSetSchema, golden(`${name}.binpb`)).file
  for (const each of [file, wanted]) each.messageType.forEach(normal)
  const registry = registryOf([])
  const json = (each: typeof file) => toJson(FileDescriptorProtoSchema, each, { registry })
  expect(json(file)).toEqual(json(wanted))
})

describe('imports', () => {
  test('of each other, whatever the order', async () => {
    const files = await compiled({
      'a.proto': 'syntax = "proto3"; import "dir/b.proto"; message A { b.B b = 1; }',
      'dir/b.proto': 'syntax = "proto3"; package b; message B {}',
    })
    expect(files.map(({ name }) => name)).toEqual(['dir/b.proto', 'a.proto'])
    expect(registryOf(files).getMessage('A')?.field['b'].message?.typeName).toBe('b.B')
  })

  test('a public import passes on, another does not', async () => {
    const sources = (kind: string) => ({
      'a.proto': 'syntax = "proto3";\nimport "b.proto";\nmessage A { C c = 1; }',
      'b.proto': `syntax = "proto3"; import ${kind} "c.proto"; message B { C c = 1; }`,
      'c.proto': 'syntax = "proto3"; message C {}',
    })
    expect(await problem(sources('public'))).toBe('nothing')
    expect(await problem(sources(''))).toBe(
      'a.proto:3:13: there is no type "C"; it is neither declared nor in a file that is imported',
    )
  })

  test.each([...wellKnownFiles.keys()])('%s is there', async (name) => {
    expect(await problem({ 'a.proto': `syntax = "proto3"; import "${name}";` })).toBe('nothing')
  })
})

describe('names are found as in C++', () => {
  test.each([
    ['Inner', 'p.q.Outer.Inner'],
    ['Outer.Inner', 'p.q.Outer.Inner'],
    ['q.Outer.Inner', 'p.q.Outer.Inner'],
    ['.p.q.Inner', 'p.q.Inner'],
  ])('%s', async (written, found) => {
    const files = await compiled({
      'a.proto': `syntax = "proto3"; package p.q; message Inner {} message Outer { message Inner {} ${written} f = 1; }`,
    })
    expect(registryOf(files).getMessage('p.q.Outer')?.field['f'].message?.typeName).toBe(found)
  })
})

describe('what is wrong', () => {
  test.each([
    ['syntax = "proto3";\nmessage A {\n  string name 1;\n}', '3:15: "1" stands where "=" is expected'],
    ['syntax = "proto3";\nmessage A {\n  string name = 1\n}', '4:1: "}" stands where ";" is expected'],
    ['syntax = "proto3";\nmessage A {\n  string name = x;\n}', '3:17: "x" is no id'],
    ['syntax = "proto9";', '1:11: "proto9" is not known; known are proto2, proto3, 2023, 2024'],
    ['syntax = "proto3";\nmesage A {}', '2:1: "mesage" cannot stand here'],
    ['syntax = "proto3";\nmessage A {', '2:12: the source ends too early'],
    [
      'syntax = "proto3";\nmessage A { Foo.Bar a = 1; }',
      '2:13: there is no type "Foo.Bar"; it is neither declared nor in a file that is imported',
    ],
    [
      'syntax = "proto3";\n\n  import  "x/y.proto";',
      '3:12: "x/y.proto" is not there; add it to "files" under this name',
    ],
    ['// import "x.proto";\nsyntax = "proto3"; /* import "y.proto"; */', 'nothing'],
    ['import "a.proto";', '1:9: files import each other: a.proto imports a.proto'],
    ['syntax = "proto3";\nmessage A { string a = 1; string b = 1; }', '2:24: duplicate id 1 in Type A'],
    [
      'syntax = "proto3";\nmessage A { string a = 0; }',
      '2:20: 0 is no number for a field; fields have 1 to 536870911 without 19000 to 19999',
    ],
    [
      'syntax = "proto3";\nmessage A { string a = 19000; }',
      '2:20: 19000 is no number for a field; fields have 1 to 536870911 without 19000 to 19999',
    ],
    [
      'syntax = "proto3";\nservice S { rpc M(E) returns (E); }\nenum E { X = 0; }',
      '2:19: "E" is an enum; a message is needed here',
    ],
    [
      'import "google/api/annotations.proto";\nmessage A {}\nservice S { rpc M(A) returns (A) { option (google.api.http) = { got: "/" }; } }',
      '3:17: an option of "M" is wrong: cannot decode message google.api.HttpRule from JSON: key "got" is unknown',
    ],
    [
      'syntax = "proto3";\nmessage A { string a = 1 [depricated = true]; }',
      '2:20: an option of "a" is wrong: cannot decode message google.protobuf.FieldOptions from JSON: key "depricated" is unknown',
    ],
  ])('%j', async (source, wanted) => {
    const found = await problem({ 'a.proto': source })
    expect(found).toBe(wanted === 'nothing' ? wanted : `a.proto:${wanted}`)
  })

  test('any text ends in descriptors or a problem', async () => {
    const source = golden('library.proto').toString()
    await fc.assert(
      fc.asyncProperty(
        fc.nat(source.length),
        fc.nat(40),
        fc.constantFrom('', '{', '}', '"', ';', '/*', '[', 'option', '\0', '(', '}}', 'message'),
        async (at, removed, inserted) => {
          const mutated = source.slice(0, at) + inserted + source.slice(at + removed)
          const { files, problem: found } = await compileSources(new Map([['a.proto', mutated]]))
          expect(files !== undefined || found.message !== '').toBe(true)
        },
      ),
      { seed: 20266, numRuns: 300 },
    )
  })
})
