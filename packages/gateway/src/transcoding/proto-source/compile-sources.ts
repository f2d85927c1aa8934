import type { Registry } from '@bufbuild/protobuf'
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import type Protobuf from 'protobufjs'
import { wellKnownRegistry } from '../descriptors/registry.ts'
import { wellKnownFiles } from '../well-known/well-known-files.ts'
import { fileDescriptor } from './file-descriptor.ts'
import { parseSource, type ParsedSource } from './parse-source.ts'
import { ProtoError, type ProtoProblem } from './proto-problem.ts'

/** Descriptors, each behind what it imports; or what is wrong with the first file that is not right. */
export type Compiled =
  | { readonly files: readonly FileDescriptorProto[]; readonly problem?: undefined }
  | { readonly problem: ProtoProblem; readonly files?: undefined }

/**
 * Compiles `.proto` sources, by the names by which they import each other. Well-known types and google/api are there to be imported without
 * being given.
 *
 * protobufjs is loaded here, when there is something to compile: the worker threads get descriptors and never load it.
 */
export async function compileSources(sources: ReadonlyMap<string, string>): Promise<Compiled> {
  const { default: protobuf } = await import('protobufjs')
  try {
    const compiler = new Compiler(protobuf, sources)
    for (const name of sources.keys()) compiler.compile(name)
    return { files: compiler.files }
  } catch (error) {
    if (error instanceof ProtoError) return { problem: error.problem }
    throw error
  }
}

class Compiler {
  /** In the order in which they were finished: imports first. */
  readonly files: FileDescriptorProto[] = []
  private readonly protobuf: typeof Protobuf
  private readonly sources: ReadonlyMap<string, string>
  private readonly finished = new Map<string, FileDescriptorProto>()
  /** Files that are being compiled, the first one outermost. */
  private readonly open: string[] = []
  private readonly known: Registry

  constructor(protobuf: typeof Protobuf, sources: ReadonlyMap<string, string>) {
    this.protobuf = protobuf
    this.sources = sources
    this.known = wellKnownRegistry()
  }

  compile(name: string): FileDescriptorProto {
    const done = this.finished.get(name)
    if (done !== undefined) return done
    const parsed = parseSource(this.protobuf, name, this.sources.get(name) as string)
    this.open.push(name)
    const imported = parsed.text.imports.map((statement) => this.imported(parsed, statement.name, statement.at))
    this.open.pop()
    const file = fileDescriptor(this.protobuf, parsed, [...this.seenThrough(imported)], this.known)
    this.finished.set(name, file)
    this.files.push(file)
    return file
  }

  private imported({ text }: ParsedSource, name: string, at: number): FileDescriptorProto {
    if (this.open.includes(name)) {
      throw new ProtoError(text.problemAt(at, `files import each other: ${[...this.open, name].join(' imports ')}`))
    }
    if (this.sources.has(name)) return this.compile(name)
    const wellKnown = wellKnownFiles.get(name)
    if (wellKnown === undefined) {
      throw new ProtoError(text.problemAt(at, `"${name}" is not there; add it to "files" under this name`))
    }
    return wellKnown
  }

  /** Files and what they import publicly, each once. */
  private seenThrough(files: Iterable<FileDescriptorProto>): Set<FileDescriptorProto> {
    const seen = new Set(files)
    // What is added here is come to as well.
    for (const { dependency, publicDependency } of seen) {
      for (const index of publicDependency) {
        const file = this.finished.get(dependency[index]) ?? wellKnownFiles.get(dependency[index])
        if (file !== undefined) seen.add(file)
      }
    }
    return seen
  }
}
