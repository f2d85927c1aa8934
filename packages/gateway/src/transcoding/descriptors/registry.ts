import { create, createFileRegistry, type FileRegistry } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { wellKnownFiles } from '../well-known/well-known-files.ts'

/** The well-known types alone. */
let wellKnown: FileRegistry | undefined
export const wellKnownRegistry = (): FileRegistry => (wellKnown ??= registryOf([]))

/** googleapis, all of it, has some 3,000 files. */
const MAX_FILES = 4_096

/**
 * Types by name, of these files and all well-known ones. The order of the files does not matter; a file in the list goes before a well-known
 * one of the same name. Throws an Error that says what does not fit together.
 */
export function registryOf(files: readonly FileDescriptorProto[]): FileRegistry {
  if (files.length > MAX_FILES) throw new Error(`there are ${files.length} files, at most ${MAX_FILES} are read`)
  const byName = new Map(wellKnownFiles)
  for (const file of files) byName.set(file.name, file)
  const sorted: FileDescriptorProto[] = []
  const visited = new Set<string>()
  const visit = (file: FileDescriptorProto): void => {
    if (visited.has(file.name)) return
    visited.add(file.name)
    for (const name of file.dependency) {
      const dependency = byName.get(name)
      if (dependency === undefined) {
        throw new Error(`"${name}" is missing, which ${file.name} imports; make the set with --include_imports`)
      }
      visit(dependency)
    }
    sorted.push(file)
  }
  for (const file of byName.values()) visit(file)
  return createFileRegistry(create(FileDescriptorSetSchema, { file: sorted }))
}
