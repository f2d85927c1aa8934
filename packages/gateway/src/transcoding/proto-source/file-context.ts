import type { DescMessage, MessageShape, Registry } from '@bufbuild/protobuf'
import { FieldDescriptorProto_Type as FieldType } from '@bufbuild/protobuf/wkt'
import type Protobuf from 'protobufjs'
import { readOptions } from './options.ts'
import { ProtoError } from './proto-problem.ts'
import type { SourceText } from './source-text.ts'
import type { ResolvedType, TypeNames } from './type-names.ts'

/** What the declarations of a file need to become descriptors. */
export class FileContext {
  private readonly text: SourceText
  private readonly names: TypeNames
  private readonly known: Registry

  /** `known`: extensions of options that are read. */
  constructor(text: SourceText, names: TypeNames, known: Registry) {
    this.text = text
    this.names = names
    this.known = known
  }

  /** What a type name refers to. */
  typeName(written: string, scope: string): ResolvedType {
    const found = this.names.resolve(written, scope)
    if (found !== undefined) return found
    throw this.errorAt(written, `there is no type "${written}"; it is neither declared nor in a file that is imported`)
  }

  messageName(written: string, scope: string): string {
    const { kind, fullName } = this.typeName(written, scope)
    if (kind === FieldType.MESSAGE) return fullName
    throw this.errorAt(written, `"${written}" is an enum; a message is needed here`)
  }

  /** The `options` of a descriptor, when there are any. */
  options<Desc extends DescMessage>(
    schema: Desc,
    declaration: Protobuf.ReflectionObject,
    name: string,
  ): { options?: MessageShape<Desc> } {
    try {
      const options = readOptions(schema, declaration, this.known)
      return options === undefined ? {} : { options }
    } catch (error) {
      throw this.errorAt(
        name,
        `an option of "${name}" is wrong: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  /** An error at the first place where this name stands. */
  errorAt(name: string, message: string): ProtoError {
    return new ProtoError(this.text.problemAtName(name, message))
  }
}
