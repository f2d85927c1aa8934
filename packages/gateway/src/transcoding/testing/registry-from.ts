import type { FileRegistry } from '@bufbuild/protobuf'
import { registryOf } from '../descriptors/registry.ts'
import { compileSources } from '../proto-source/compile-sources.ts'
import { renderProtoProblem } from '../proto-source/proto-problem.ts'

/** Types of a `.proto` text. */
export async function registryFrom(text: string): Promise<FileRegistry> {
  const { files, problem } = await compileSources(new Map([['test.proto', text]]))
  if (files === undefined) throw new Error(renderProtoProblem(problem))
  return registryOf(files)
}
