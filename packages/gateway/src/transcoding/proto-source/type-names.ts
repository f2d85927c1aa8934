import { FieldDescriptorProto_Type as FieldType, type FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import type { DescriptorProto } from '@bufbuild/protobuf/wkt'

type Kind = FieldType.MESSAGE | FieldType.ENUM

/** A type that a name refers to. */
export interface ResolvedType {
  readonly kind: Kind
  /** With the leading dot. */
  readonly fullName: string
}

/** The types that a file sees: its own and those of what it imports. */
export class TypeNames {
  private readonly kinds = new Map<string, Kind>()

  /** Adds the types of a file that is imported. */
  addFile(file: FileDescriptorProto): void {
    for (const message of file.messageType) this.addMessage(message, file.package)
    for (const { name } of file.enumType) this.kinds.set(joined(file.package, name), FieldType.ENUM)
  }

  add(fullName: string, kind: Kind): void {
    this.kinds.set(fullName, kind)
  }

  /**
   * Looks a name up as C++ does: in the innermost scope first (`package.Outer.Inner`), then outwards. A leading dot means that the name is
   * whole.
   */
  resolve(name: string, scope: string): ResolvedType | undefined {
    if (name.startsWith('.')) return this.at(name.slice(1))
    for (let within = scope; ; within = within.slice(0, Math.max(0, within.lastIndexOf('.')))) {
      const found = this.at(joined(within, name))
      if (found !== undefined || within === '') return found
    }
  }

  private at(fullName: string): ResolvedType | undefined {
    const kind = this.kinds.get(fullName)
    return kind === undefined ? undefined : { kind, fullName: `.${fullName}` }
  }

  private addMessage(message: DescriptorProto, scope: string): void {
    const fullName = joined(scope, message.name)
    this.kinds.set(fullName, FieldType.MESSAGE)
    for (const nested of message.nestedType) this.addMessage(nested, fullName)
    for (const { name } of message.enumType) this.kinds.set(joined(fullName, name), FieldType.ENUM)
  }
}

/** A name within a scope; '' is the outermost. */
export const joined = (scope: string, name: string): string => (scope === '' ? name : `${scope}.${name}`)
