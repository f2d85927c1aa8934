import { create, type FileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { registryOf } from './registry.ts'

/** Files as a FileDescriptorSet in base64. */
export const descriptorText = (files: readonly FileDescriptorProto[]): string =>
  Buffer.from(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...files] }))).toString(
    'base64',
  )

/** Whether a text can be base64 and nothing else: a `.proto` has a semicolon or brace at least. */
export const isBase64 = (text: string): boolean => /^[A-Za-z0-9+/=\s]+$/.test(text)

/** The files of such a text. Throws an Error for what is no FileDescriptorSet. */
export function filesOfText(text: string): FileDescriptorProto[] {
  try {
    return fromBinary(FileDescriptorSetSchema, Buffer.from(text, 'base64')).file
  } catch (error) {
    throw new Error('is base64, but not of a FileDescriptorSet', { cause: error })
  }
}

/** The types of such a text. Throws an Error that says what is wrong. */
export const registryOfText = (text: string): FileRegistry => registryOf(filesOfText(text))
