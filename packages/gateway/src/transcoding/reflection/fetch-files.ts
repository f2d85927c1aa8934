import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { wellKnownFiles } from '../well-known/well-known-files.ts'
import {
  type Question,
  ReflectionRequest,
  ReflectionResponse,
  type ReflectionResponseMessage,
} from './reflection-types.ts'

/** Calls a method with one message and returns the first of the answer. Rejects with a CallError for a status that is not OK. */
export type Call = (grpcPath: string, message: Uint8Array) => Promise<Uint8Array>

/** A call that ended with a status. */
export class CallError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

const UNIMPLEMENTED = 12
/** The service has had two names; servers know one of them or both. */
const VERSIONS = ['grpc.reflection.v1', 'grpc.reflection.v1alpha'] as const
/** What an upstream can make us keep. */
const MAX_SERVICES = 1_000
const MAX_FILES = 2_000
const MAX_BYTES = 16 * 1024 * 1024

/** The files of all services that an upstream has, and what these import. Rejects with what went wrong. */
export async function fetchFiles(call: Call): Promise<FileDescriptorProto[]> {
  const asker = new Asker(call)
  const services = await asker.services()
  if (services.length > MAX_SERVICES) throw new Error(`the upstream has more than ${MAX_SERVICES} services`)
  const files = new Map<string, FileDescriptorProto>()
  let bytes = 0
  const take = (encoded: readonly Uint8Array[]): void => {
    for (const each of encoded) {
      bytes += each.length
      const file = fromBinary(FileDescriptorProtoSchema, each)
      files.set(file.name, file)
    }
    if (files.size > MAX_FILES || bytes > MAX_BYTES) {
      throw new Error(`the upstream describes more than ${MAX_FILES} files or ${MAX_BYTES} bytes`)
    }
  }
  for (const name of services) take(await asker.files({ case: 'fileContainingSymbol', value: name }))
  for (let missing = missingOf(files); missing.length > 0; missing = missingOf(files)) {
    for (const name of missing) {
      take(await asker.files({ case: 'fileByFilename', value: name }))
      if (!files.has(name)) throw new Error(`the upstream does not describe ${name}, which another file imports`)
    }
  }
  return [...files.values()]
}

const missingOf = (files: ReadonlyMap<string, FileDescriptorProto>): string[] => [
  ...new Set(
    [...files.values()]
      .flatMap(({ dependency }) => dependency)
      .filter((name) => !files.has(name) && !wellKnownFiles.has(name)),
  ),
]

class Asker {
  private readonly call: Call
  private version: (typeof VERSIONS)[number] = VERSIONS[0]

  constructor(call: Call) {
    this.call = call
  }

  /** The first question: it also shows which version the upstream knows. */
  async services(): Promise<string[]> {
    const question = { case: 'listServices', value: '*' } as const
    const answer = await this.ask(question).catch((error: unknown) => {
      if (!(error instanceof CallError) || error.code !== UNIMPLEMENTED) throw error
      this.version = VERSIONS[1]
      return this.ask(question)
    })
    if (answer.case !== 'listServicesResponse') throw unexpected(answer)
    // Reflection describes itself as well, and nobody wants that as REST.
    return answer.value.service.map(({ name }) => name).filter((name) => !name.startsWith('grpc.reflection.'))
  }

  async files(question: Question): Promise<readonly Uint8Array[]> {
    const answer = await this.ask(question)
    if (answer.case !== 'fileDescriptorResponse') throw unexpected(answer)
    return answer.value.fileDescriptorProto
  }

  private async ask(messageRequest: Question): Promise<ReflectionResponseMessage['messageResponse']> {
    const request = toBinary(ReflectionRequest, create(ReflectionRequest, { messageRequest }))
    const response = await this.call(`/${this.version}.ServerReflection/ServerReflectionInfo`, request)
    return (fromBinary(ReflectionResponse, response) as ReflectionResponseMessage).messageResponse
  }
}

function unexpected(answer: ReflectionResponseMessage['messageResponse']): Error {
  if (answer.case !== 'errorResponse') return new Error('the reflection service answered something else')
  return new CallError(answer.value.errorCode, `the reflection service: ${answer.value.errorMessage}`)
}
