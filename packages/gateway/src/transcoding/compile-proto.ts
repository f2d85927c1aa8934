import type { FileRegistry } from '@bufbuild/protobuf'
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import type { Proto } from '../resources/proto.ts'
import { descriptorText, filesOfText, isBase64 } from './descriptors/descriptor-text.ts'
import { registryOf } from './descriptors/registry.ts'
import { compileSources } from './proto-source/compile-sources.ts'
import type { ProtoProblem } from './proto-source/proto-problem.ts'

/** What a `protos` resource comes to. */
export interface CompiledProto {
  readonly registry: FileRegistry
  /** See `Proto.descriptors`. */
  readonly descriptors: string
}

/** What is wrong with one, and where. */
export interface ProtoFault {
  /** The field of the resource, as a JSON Pointer. */
  readonly path: string
  readonly message: string
}

/** The name of `content` among the files. No import can mean it: nobody has chosen it. */
const CONTENT = 'content'

/** Compiles a `protos` resource: `.proto` text, several of them, or a descriptor set. */
export async function compileProto({ content, files = {} }: Proto): Promise<CompiledProto | ProtoFault> {
  if (content !== undefined && isBase64(content)) {
    if (Object.keys(files).length > 0)
      return { path: '/files', message: 'go with the text of a .proto only; leave them out' }
    return checked('/content', () => filesOfText(content))
  }
  const sources = new Map(Object.entries(files))
  if (content !== undefined) sources.set(CONTENT, content)
  const compiled = await compileSources(sources)
  if (compiled.problem !== undefined) return faultOf(compiled.problem, content !== undefined)
  return checked(content === undefined ? '/files' : '/content', () => compiled.files)
}

/** The library that will work with the descriptors must be content with them. */
function checked(path: string, read: () => readonly FileDescriptorProto[]): CompiledProto | ProtoFault {
  try {
    const files = read()
    return { registry: registryOf(files), descriptors: descriptorText(files) }
  } catch (error) {
    return { path, message: error instanceof Error ? error.message : String(error) }
  }
}

function faultOf({ file, line, column, message }: ProtoProblem, hasContent: boolean): ProtoFault {
  const place = line === 0 ? '' : `line ${line}, column ${column}: `
  const isContent = hasContent && file === CONTENT
  return {
    path: isContent ? '/content' : `/files/${file.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    message: place + message,
  }
}
